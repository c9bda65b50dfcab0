import { expect, test } from 'vitest';
import { address } from '../../ip/address.ts';
import { prefix } from '../../ip/prefix.ts';
import type { KernelEvent } from '../../state/kernel.ts';
import { keyOf, ROUTE_PROTOCOL, type Route } from '../../state/resource.ts';
import { followWays } from './follow-ways.ts';
import { packetOf } from './testing.ts';

const LINK = 'flannel0';

const routeTo = (host: number): Route => ({
  kind: 'route',
  prefix: prefix(`10.5.${host}.0/24`),
  metric: 0,
  type: 'unicast',
  link: LINK,
  gateway: address(`192.168.77.${host}`),
  onlink: true,
  protocol: ROUTE_PROTOCOL,
});

/** A kernel whose dumps end as told: with routes, or with why not. */
async function stage(...dumps: readonly (readonly Route[] | Error)[]) {
  let tell: (event: KernelEvent) => void = () => {};
  let at = 0;
  const pauses: { readonly ms: number; readonly end: () => void }[] = [];
  const kernel = {
    watch: (listener: (event: KernelEvent) => void) => void (tell = listener),
    async *dump() {
      const dump = dumps[at++] ?? [];
      if (dump instanceof Error) throw dump;
      yield dump;
    },
  };
  const pause = (ms: number) =>
    new Promise<void>((resolve) => void pauses.push({ ms, end: resolve }));
  const ways = await followWays(LINK, { kernel, pause, random: () => 1 });
  const gatewayTo = (host: number): unknown => {
    const fate = ways.fateOf(packetOf({ destination: address(`10.5.${host}.2`) }));
    return fate.action === 'send' ? fate.to : undefined;
  };
  const lose = () => tell({ type: 'unknown', reason: 'lost events' });
  return { gatewayTo, lose, pauses, told: (event: KernelEvent) => tell(event), read: () => at };
}

const turn = () => new Promise((resolve) => void setImmediate(resolve));

test('a kernel that cannot be read is read again a while later, and packets go on by what is known', async () => {
  const { gatewayTo, lose, pauses, told } = await stage(
    [routeTo(2)],
    new Error('ENOBUFS'),
    new Error('ENOBUFS'),
    [routeTo(3)],
  );
  lose();
  await turn();
  expect(gatewayTo(2)).toBe('192.168.77.2');
  told({ type: 'present', resource: routeTo(4) });
  expect(gatewayTo(4)).toBe('192.168.77.4');
  pauses[0]!.end();
  await turn();
  expect(gatewayTo(2)).toBe('192.168.77.2');
  told({ type: 'absent', key: keyOf(routeTo(2)) });
  expect(gatewayTo(2)).toBeUndefined();
  pauses[1]!.end();
  await turn();
  expect([2, 3, 4].map(gatewayTo)).toEqual([undefined, '192.168.77.3', undefined]);
  expect(pauses.map(({ ms }) => ms)).toEqual([500, 1000]);
});

test('however often it is told that something is unknown, one reading follows another', async () => {
  const { lose, read, pauses } = await stage([], new Error('ENOBUFS'));
  for (let times = 0; times < 100; times++) lose();
  await turn();
  expect([read(), pauses.length]).toEqual([2, 1]);
  for (let times = 0; times < 100; times++) lose();
  pauses[0]!.end();
  await turn();
  expect(read()).toBe(3);
});

test('one that cannot be read at first is told', async () => {
  await expect(stage(new Error('EPERM'))).rejects.toThrow('EPERM');
});
