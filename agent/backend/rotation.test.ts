import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import { prefix, type Prefix } from '../ip/prefix.ts';
import type { HostFacts, Lease, Rotation } from '../state/facts.ts';
import type { Resource, WireguardPeer } from '../state/resource.ts';
import { sessionName, type PeerSession, type PublicKey } from '../state/wireguard.ts';
import type { MeshPlan, Published } from './backend.ts';
import { hostFacts, underlay } from './backend.suite.ts';
import { createBackend } from './backends.ts';
import { flanneldIn, verdict } from './rotation.ts';
import { Ways } from './ways.ts';

const MINUTE = 60_000;

test('a peer in session is waited for a minute, and on the way back for ever', () => {
  const behind = [{ id: 'b', inSession: true }];
  expect(verdict('out', behind, 0)).toEqual({ type: 'wait', for: 'b', late: false });
  expect(verdict('out', behind, MINUTE)).toEqual({
    type: 'give up',
    reason: 'peer b does not come along',
  });
  expect(verdict('back', behind, 10 * MINUTE)).toEqual({ type: 'wait', for: 'b', late: true });
  expect(verdict('out', [], 0)).toEqual({ type: 'go on' });
});

test('a peer without a session has time to make one, and is then taken for dead', () => {
  const behind = [{ id: 'b', inSession: false }];
  expect(verdict('out', behind, 19_999)).toMatchObject({ type: 'wait' });
  expect(verdict('out', behind, 20_000)).toEqual({ type: 'go on' });
});

test('whom another key would cut off', () => {
  const lease: Lease = { subnets: {}, publicAddresses: {}, backendType: 'wireguard' };
  const ours = { ...lease, node: 'n' };
  expect(flanneldIn(new Map([['a', ours]]))).toBeUndefined();
  expect(flanneldIn(new Map([['a', { ...lease, backendType: 'vxlan' }]]))).toBeUndefined();
  expect(
    flanneldIn(
      new Map([
        ['a', ours],
        ['b', lease],
      ]),
    ),
  ).toBe('b');
});

// ---- hosts in a world without time, each of which does something at any moment ----

const CONFIG = { type: 'wireguard', options: { PersistentKeepaliveInterval: 25 } };
const backend = createBackend(CONFIG);
/** A handshake, and a packet of data, in bytes. */
const [HELLO, DATA] = [180, 128];

let keys = 0;
function freshKey(): PublicKey {
  return Buffer.alloc(32, ++keys).toString('base64') as PublicKey;
}

class SimHost {
  readonly number: number;
  readonly facts: HostFacts;
  readonly subnet: Prefix;
  key = freshKey();
  newKey: PublicKey | undefined;
  rotation: Rotation | undefined;
  /** What stands in etcd. */
  lease: Lease;
  /** Others' leases as they were heard. */
  readonly heard = new Map<number, Lease>();
  ways: Ways;
  resources: Resource[] = [];
  readonly sessions = new Map<string, PeerSession>();

  constructor(number: number, now: () => number) {
    this.number = number;
    const own = { 4: address(`192.168.77.${number}`) };
    this.facts = {
      ...hostFacts(CONFIG, [4], { ...underlay, addresses: own, publicAddresses: own }),
      subnets: { 4: prefix(`10.5.${number}.0/24`) },
    };
    this.subnet = this.facts.subnets[4] as Prefix;
    this.ways = new Ways(now);
    this.lease = this.publish();
  }

  publish(): Lease {
    return { ...this.#published(), subnets: this.facts.subnets, node: `n${this.number}` };
  }

  #published(): Published {
    const { key, newKey } = this;
    const before = { before: undefined, existing: [] };
    const { underlay } = this.facts;
    return backend.publish({ underlay, families: [4], ...before, publicKey: () => key, newKey });
  }

  plan(): void {
    const { rotation } = this;
    const facts = rotation === undefined ? this.facts : { ...this.facts, rotation };
    const plan: MeshPlan = backend.plan(facts, this.#published());
    const peers = [...this.heard].flatMap(([number, lease]) => {
      const way = this.ways.to(`${number}`, plan.aim?.(lease));
      return plan.peer(lease, way).resources;
    });
    const isDetouring = this.ways.size > 0 || rotation !== undefined;
    this.resources = [...plan.host, ...(isDetouring ? (plan.detour ?? []) : []), ...peers];
    const names = new Set(this.peers().map((peer) => sessionName(peer.link, peer.publicKey)));
    for (const name of this.sessions.keys()) if (!names.has(name)) this.sessions.delete(name);
  }

  peers(): WireguardPeer[] {
    return this.resources.filter((each) => each.kind === 'wireguard-peer');
  }

  keyOn(link: string): PublicKey | undefined {
    const device = this.resources.find((each) => each.kind === 'wireguard' && each.link === link);
    return device?.kind === 'wireguard' ? device.publicKey : undefined;
  }

  linkTo(other: SimHost): string | undefined {
    const route = this.resources.find(
      (each) => each.kind === 'route' && each.prefix === other.subnet,
    );
    return route?.kind === 'route' ? route.link : undefined;
  }

  /** The peer that stands for another host on a link, if each of the two knows the other's key. */
  peerFor(other: SimHost, link: string): WireguardPeer | undefined {
    const peer = this.peers().find(
      (each) => each.link === link && each.publicKey === other.keyOn(link),
    );
    return peer?.allowedIps.includes(other.subnet) === true ? peer : undefined;
  }

  receive(name: string, handshake: number, bytes: number): void {
    const before = this.sessions.get(name) ?? { handshake: 0, receivedBytes: 0 };
    this.sessions.set(name, {
      handshake,
      receivedBytes: before.receivedBytes + bytes,
    });
  }
}

class World {
  now = 1000;
  readonly hosts: SimHost[];
  /** Keys of both ends, by host, link and host. */
  readonly #keys = new Map<string, { readonly keys: string; readonly since: number }>();
  lost: string[] = [];

  constructor(size: number) {
    this.hosts = Array.from({ length: size }, (_, i) => new SimHost(i + 1, () => this.now));
    for (const host of this.hosts) {
      for (const other of this.hosts) if (other !== host) host.heard.set(other.number, other.lease);
    }
    for (const host of this.hosts) host.plan();
    this.check();
  }

  get rotating(): SimHost {
    return this.hosts[0] as SimHost;
  }

  /** Somebody does what it can do now. */
  do(deed: number, at: number): void {
    const host = this.hosts[at % this.hosts.length] as SimHost;
    [() => this.#hear(host), () => this.#look(host), () => this.#tick(), () => this.#advance()][
      deed
    ]?.();
    this.check();
  }

  /** weftd starts anew: it knows what is in etcd, in its files, and in the kernel. */
  restart(at: number): void {
    const host = this.hosts[at % this.hosts.length] as SimHost;
    host.ways = new Ways(() => this.now);
    host.ways.look(host.sessions);
    host.lease = host.publish();
    this.#hear(host);
    this.check();
  }

  #hear(host: SimHost): void {
    for (const other of this.hosts) if (other !== host) host.heard.set(other.number, other.lease);
    host.plan();
  }

  #look(host: SimHost): void {
    if (host.ways.look(host.sessions).length > 0) host.plan();
  }

  /** A second: sessions are made where they can be, and every host sends to every other. */
  #tick(): void {
    this.now++;
    for (const from of this.hosts)
      for (const to of this.hosts)
        if (from !== to)
          for (const link of ['flannel-wg', 'weft-detour']) this.#send(from, to, link);
  }

  #send(from: SimHost, to: SimHost, link: string): void {
    const [there, back] = [from.peerFor(to, link), to.peerFor(from, link)];
    if (there === undefined || back === undefined) return;
    const pair = `${Math.min(from.number, to.number)} ${link} ${Math.max(from.number, to.number)}`;
    const keys = [there.publicKey, back.publicKey].toSorted().join(' ');
    const [here, its] = [there, back].map((each) => sessionName(link, each.publicKey));
    if (this.#keys.get(pair)?.keys !== keys || from.sessions.get(here as string) === undefined) {
      this.#keys.set(pair, { keys, since: this.now });
      from.receive(here as string, this.now, HELLO);
      to.receive(its as string, this.now, HELLO);
      return;
    }
    const { since } = this.#keys.get(pair) as { since: number };
    const bytes = (from.linkTo(to) === link ? DATA : 0) + (there.keepalive === 1 ? 32 : 0);
    to.receive(its as string, since, bytes);
  }

  /** The next step of the one that changes its key, if it may be taken. */
  #advance(): void {
    const host = this.rotating;
    const { phase } = host.rotation ?? {};
    const isClear = (): boolean =>
      phase !== undefined && verdict(phase, host.ways.behind(), 0).type === 'go on';
    if (host.newKey === undefined) host.newKey = freshKey();
    else if (phase === undefined) this.#rotate('out');
    else if (phase === 'out' && isClear()) {
      host.key = host.newKey;
      this.#rotate('back');
    } else if (phase === 'back' && isClear()) {
      host.newKey = undefined;
      this.#rotate(undefined);
    }
    host.lease = host.publish();
  }

  #rotate(phase: Rotation['phase'] | undefined): void {
    const host = this.rotating;
    const publicKey = host.newKey as PublicKey;
    host.rotation = phase && { publicKey, phase, since: phase === 'back' ? this.now : 0 };
    host.plan();
  }

  /** Gives up on the way out, as far as that does not wait. */
  giveUp(): void {
    const host = this.rotating;
    if (host.rotation?.phase !== 'out') return;
    host.rotation = { ...host.rotation, phase: 'over' };
    host.plan();
    host.newKey = undefined;
    host.lease = host.publish();
    this.check();
  }

  /** Whoever is sent to takes it: the same keys at both ends, and the sender's subnet behind its own. */
  check(): void {
    for (const from of this.hosts)
      for (const to of this.hosts) {
        const link = from.linkTo(to);
        const isTaken =
          from === to ||
          (link !== undefined &&
            from.peerFor(to, link) !== undefined &&
            to.peerFor(from, link) !== undefined);
        if (!isTaken) this.lost.push(`${from.number} to ${to.number} by ${link} at ${this.now}`);
      }
  }
}

const deed = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(5));
const deeds = fc.array(deed, { minLength: 10, maxLength: 120 });

/** As in the machine: what was changed is put right before anything else is looked at. */
test('whatever happens in whatever order, nobody sends to where it is not taken', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 4 }), deeds, (size, list) => {
      keys = 0;
      const world = new World(size);
      for (const [what, who] of list) world.do(what, who);
      expect(world.lost).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('a weftd that starts anew at any moment goes on, and sends nobody astray', () => {
  fc.assert(
    fc.property(deeds, fc.array(fc.tuple(fc.nat(119), fc.nat(5))), (list, restarts) => {
      keys = 0;
      const world = new World(3);
      list.forEach(([what, who], i) => {
        world.do(what, who);
        for (const [at, whom] of restarts) if (at === i) world.restart(whom);
      });
      expect(world.lost).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('given up at any moment of the way out, it sends nobody astray', () => {
  fc.assert(
    fc.property(deeds, deeds, (before, after) => {
      keys = 0;
      const world = new World(3);
      for (const [what, who] of before) world.do(what, who);
      world.giveUp();
      for (const [what, who] of after) if (what !== 3) world.do(what, who);
      expect(world.lost).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('when everybody does its part, the key is another one and nothing is left of the old', () => {
  const world = new World(3);
  const old = world.rotating.key;
  for (let round = 0; round < 12; round++)
    for (const what of [3, 0, 2, 1]) for (const who of [0, 1, 2]) world.do(what, who);
  expect(world.rotating.key).not.toBe(old);
  expect(world.lost).toEqual([]);
  expect(keys).toBeGreaterThan(4);
  const [, other] = world.hosts as [SimHost, SimHost];
  expect(other.peers().some(({ publicKey }) => publicKey === old)).toBe(false);
});
