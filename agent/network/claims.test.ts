import fc from 'fast-check';
import { expect, test } from 'vitest';
import { address, type Address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import {
  ClaimPool,
  REST,
  type ClaimAnswer,
  type ClaimOutcome,
  type ClaimRequest,
} from './claims.ts';
import { givenFrom, networkSubnet, refusalIn, type NetworkSubnet } from './subnet.ts';

/** The keys of one subnet in etcd. */
class Keys {
  readonly holders = new Map<Address, string>();
  isGone = false;

  carryOut(host: string, request: ClaimRequest): ClaimAnswer {
    if (request.type === 'list') {
      const others = [...this.holders].filter(([, holder]) => holder !== host);
      return { type: 'listed', others: others.map(([each]) => each) };
    }
    if (request.type === 'drop') {
      for (const each of request.addresses)
        if (this.holders.get(each) === host) this.holders.delete(each);
      return { type: 'dropped' };
    }
    if (this.isGone) return { type: 'gone' };
    const taken = new Map<Address, string>();
    for (const each of request.addresses) {
      const holder = this.holders.get(each) ?? host;
      if (holder === host) this.holders.set(each, host);
      else taken.set(each, holder);
    }
    return { type: 'claimed', taken };
  }

  /** As when its lease ends. */
  expire(host: string): void {
    for (const [each, holder] of this.holders) if (holder === host) this.holders.delete(each);
  }
}

/** A host with its endpoints' files, and the pool of the process that runs there. */
class Host {
  readonly name: string;
  readonly files = new Map<string, Address>();
  readonly lost: Address[] = [];
  readonly refused: ClaimOutcome[] = [];
  pool: ClaimPool;
  #number = 0;
  readonly #owners = new Map<number, string>();
  readonly #subnet: NetworkSubnet;
  readonly #random: () => number;

  constructor(name: string, subnet: NetworkSubnet, random: () => number) {
    this.name = name;
    this.#subnet = subnet;
    this.#random = random;
    this.pool = new ClaimPool(subnet, random);
  }

  /** One thing at a time is done with an endpoint. */
  take(owner: string, asked: Address | undefined, now: number): void {
    if (this.files.has(owner) || [...this.#owners.values()].includes(owner)) return;
    const ticket = ++this.#number;
    this.#owners.set(ticket, owner);
    this.pool.take(ticket, owner, asked, now);
    this.settle();
  }

  settle(): void {
    for (const outcome of this.pool.outcomes()) {
      if (outcome.type === 'refused') this.refused.push(outcome);
      if (outcome.type === 'lost') this.lost.push(outcome.address);
      if (outcome.type === 'given')
        this.files.set(this.#owners.get(outcome.ticket) ?? '', outcome.address);
      if (outcome.type !== 'lost') this.#owners.delete(outcome.ticket);
    }
  }

  release(owner: string, now: number): void {
    const held = this.files.get(owner);
    if (held === undefined) return;
    this.files.delete(owner);
    this.pool.release(held, owner, now);
  }

  /** Asks what it wants next; `fate`: whether it is carried out, and whether the answer comes. */
  step(keys: Keys, now: number, fate: 'good' | 'unheard' | 'undone' = 'good'): boolean {
    const request = this.pool.next(now);
    this.settle();
    if (request === undefined) return false;
    const answer = fate === 'undone' ? undefined : keys.carryOut(this.name, request);
    const heard = fate === 'good' && answer !== undefined ? answer : ({ type: 'failed' } as const);
    this.pool.answered(heard, now);
    this.settle();
    return true;
  }

  /** The process ends and another begins: what nobody has is given back. */
  restart(keys: Keys): void {
    this.pool = new ClaimPool(this.#subnet, this.#random);
    this.#owners.clear();
    const held = new Set(this.files.values());
    for (const [each, holder] of keys.holders)
      if (holder === this.name && !held.has(each)) keys.holders.delete(each);
    for (const [owner, each] of this.files) this.pool.hold(each, owner, false);
  }
}

const subnets = fc
  .constantFrom('10.7.0.0/24', '10.7.0.0/28', '10.7.0.0/29', 'fd00:7::/64')
  .map((text) => networkSubnet({ subnet: prefix(text) }));
const steps = fc.array(
  fc.record({
    what: fc.constantFrom(
      'take',
      'take',
      'ask',
      'release',
      'step',
      'step',
      'restart',
      'expire',
      'give',
      'wait',
    ),
    host: fc.nat(2),
    who: fc.nat(12),
    fate: fc.constantFrom('good' as const, 'good' as const, 'unheard' as const, 'undone' as const),
  }),
  { maxLength: 150 },
);

test('no address at two hosts, none that is never given, and everything comes back, whatever is lost and whoever restarts', () => {
  fc.assert(
    fc.property(
      subnets,
      steps,
      fc.integer({ min: 1, max: 3 }),
      fc.double({ min: 0, max: 0.99, noNaN: true }),
      (subnet, all, count, chance) => {
        const keys = new Keys();
        const hosts = Array.from(
          { length: count },
          (_, i) => new Host(`h${i}`, subnet, () => chance),
        );
        /** Hosts whose lease ended while they had endpoints: they find out at their next step. */
        let now = 0;
        const holdsApart = (): void => {
          const used = hosts.flatMap(({ files, name }) =>
            [...files.values()].map((each) => [each, name] as const),
          );
          for (const [each, name] of used) {
            expect(refusalIn(subnet, each)).toBeUndefined();
            // Unless it was away for too long, and was told so or will be.
            if (keys.holders.get(each) === name)
              expect(
                used.filter(([other, of]) => other === each && keys.holders.get(other) === of),
              ).toHaveLength(1);
          }
        };
        for (const { what, host: number, who, fate } of all) {
          const host = hosts[number % count];
          if (host === undefined) continue;
          const owner = `${host.name}-e${who}`;
          now += 100;
          if (what === 'take') host.take(owner, undefined, now);
          if (what === 'ask')
            host.take(
              owner,
              address(subnet.subnet.includes(':') ? `fd00:7::${who}` : `10.7.0.${who}`),
              now,
            );
          if (what === 'release') host.release(owner, now);
          if (what === 'step') host.step(keys, now, fate);
          if (what === 'restart') host.restart(keys);
          if (what === 'expire') {
            keys.expire(host.name);
            host.pool.leaseLost();
          }
          if (what === 'give') host.pool.give(subnet.gateway);
          if (what === 'wait') now += REST;
          holdsApart();
        }
        const settle = (): void => {
          for (let round = 0; round < 200; round++) {
            now += 10_000;
            if (!hosts.map((host) => host.step(keys, now)).includes(true)) return;
          }
          throw new Error('it never comes to rest');
        };
        settle();
        const held = hosts.flatMap((host) =>
          [...host.files]
            .filter(([, each]) => !host.lost.includes(each))
            .map(([, each]) => [each, host.name] as const),
        );
        expect(new Set(held.map(([each]) => each)).size).toBe(held.length);
        for (const [each, name] of held) expect(keys.holders.get(each)).toBe(name);
        for (const host of hosts)
          for (const owner of Array.from(host.files.keys())) host.release(owner, now);
        settle();
        now += 2 * REST;
        settle();
        expect(keys.holders.size).toBe(0);
        expect(hosts.every(({ pool }) => pool.isIdle)).toBe(true);
      },
    ),
    { numRuns: 400 },
  );
});

const begin = (): number => 0;
function run(host: Host, keys: Keys, now: number): void {
  while (host.step(keys, now));
}

test('an attach in the common case needs no round trip, and the reserve is a small part of what is free', () => {
  const keys = new Keys();
  const host = new Host('h1', networkSubnet({ subnet: prefix('10.7.0.0/16') }), begin);
  host.take('a', undefined, 0);
  expect(host.files.size).toBe(0);
  run(host, keys, 0);
  expect(host.files.get('a')).toBe('10.7.0.2');
  expect(keys.holders.size).toBe(9);
  for (let i = 0; i < 8; i++) host.take(`b${i}`, undefined, 0);
  expect(host.files.size).toBe(9);
  const small = new Host('h1', networkSubnet({ subnet: prefix('10.7.0.0/28') }), begin);
  const few = new Keys();
  small.take('a', undefined, 0);
  run(small, few, 0);
  expect(few.holders.size).toBe(1);
});

test('a full network says so, and gives what rests before it does', () => {
  const subnet = networkSubnet({ subnet: prefix('10.7.0.0/29') });
  const keys = new Keys();
  const [one, two] = ['h1', 'h2'].map((name) => new Host(name, subnet, begin));
  if (one === undefined || two === undefined) throw new Error('no hosts');
  const count = Number(givenFrom(subnet).count);
  for (let i = 0; i < count; i++) one.take(`e${i}`, undefined, 0);
  run(one, keys, 0);
  expect(one.files.size).toBe(count);
  two.take('x', undefined, 0);
  run(two, keys, 0);
  expect(two.refused).toMatchObject([{ why: { problem: 'full' } }]);
  one.release('e0', 0);
  one.take('y', undefined, 1);
  run(one, keys, 1);
  expect(one.files.get('y')).toBe('10.7.0.2');
});

test('an address that is asked for is given, or it is said whose it is', () => {
  const subnet = networkSubnet({ subnet: prefix('10.7.0.0/24') });
  const keys = new Keys();
  const [one, two] = ['h1', 'h2'].map((name) => new Host(name, subnet, begin));
  if (one === undefined || two === undefined) throw new Error('no hosts');
  one.take('a', address('10.7.0.77'), 0);
  run(one, keys, 0);
  expect(one.files.get('a')).toBe('10.7.0.77');
  one.take('b', address('10.7.0.77'), 0);
  one.take('b', address('10.7.0.1'), 0);
  two.take('c', address('10.7.0.77'), 0);
  run(two, keys, 0);
  expect([...one.refused, ...two.refused]).toMatchObject([
    { why: { problem: 'own', owner: 'a' } },
    { why: { problem: 'never', text: "the network's gateway" } },
    { why: { problem: 'others', value: 'h1' } },
  ]);
});

test('another host’s reserve is given up, what is in use is not', () => {
  const subnet = networkSubnet({ subnet: prefix('10.7.0.0/16') });
  const keys = new Keys();
  const one = new Host('h1', subnet, begin);
  one.take('a', undefined, 0);
  run(one, keys, 0);
  const spare = [...keys.holders.keys()].find((each) => each !== one.files.get('a'));
  if (spare === undefined) throw new Error('no reserve');
  expect(one.pool.give(spare)).toBeUndefined();
  run(one, keys, 0);
  expect(keys.holders.has(spare)).toBe(false);
  expect(one.pool.give(one.files.get('a') ?? spare)).toBe('a');
});

test('what an earlier process claimed comes back, though its endpoint goes before this one has asked', () => {
  const keys = new Keys();
  const host = new Host('h1', networkSubnet({ subnet: prefix('10.7.0.0/24') }), begin);
  host.take('a', undefined, 0);
  run(host, keys, 0);
  host.restart(keys);
  host.release('a', 0);
  run(host, keys, 0);
  expect([...keys.holders]).toEqual([]);
  expect(host.pool.isIdle).toBe(true);
});

test('a network that is no more refuses, and lets those be that are in it', () => {
  const keys = new Keys();
  const host = new Host('h1', networkSubnet({ subnet: prefix('10.7.0.0/16') }), begin);
  host.take('a', undefined, 0);
  run(host, keys, 0);
  keys.isGone = true;
  for (let i = 0; i < 9; i++) host.take(`b${i}`, undefined, 0);
  run(host, keys, 0);
  expect(host.refused).toMatchObject([{ why: { problem: 'gone' } }]);
  expect(host.files.size).toBe(9);
});
