import { describe, expect, it } from 'vitest';
import { endpoint, Net, type Host } from './testing.ts';

describe('a cluster', () => {
  it('knows who joins within a second, everywhere', () => {
    const net = new Net();
    net.cluster(10);
    const late = net.add(99);
    late.swim.join(endpoint(3), () => {});
    const isKnown = (): boolean => net.hosts.every(({ swim }) => swim.members.size === 11);
    expect(net.runUntil(isKnown, 10_000)).toBeLessThan(1_000);
  });

  it('knows who dies, and accuses nobody else', () => {
    const net = new Net();
    const hosts = net.cluster(10);
    net.run(5_000);
    const [victim, ...others] = hosts as [Host, ...Host[]];
    victim.dead = true;
    const isKnown = (): boolean => others.every((host) => net.state(host, victim) === 'dead');
    const time = net.runUntil(isKnown, 60_000);
    expect(time).toBeGreaterThan(4_000);
    expect(time).toBeLessThan(12_000);
    net.run(20_000);
    for (const host of others) expect(host.swim.members.alive).toBe(9);
  });
});
