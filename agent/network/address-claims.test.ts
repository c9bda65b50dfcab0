import { setImmediate } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { EtcdError } from '../etcd/errors.ts';
import type { Address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { AddressClaims } from './address-claims.ts';
import type { AddressRegistry } from './address-registry.ts';
import { holderText } from './claim-value.ts';
import type { NetworkDefinition } from './definition.ts';
import { networkSubnet } from './subnet.ts';

const GRACE = 3_600_000;
const OWN = { host: 'h1', name: 'h1' };
const OTHER = holderText({ host: 'h2', name: 'h2' });

function blue(id: string, subnet = '10.7.0.0/16'): NetworkDefinition {
  return {
    id,
    name: 'blue',
    vni: 4096,
    subnets: { 4: networkSubnet({ subnet: prefix(subnet) }) },
    internal: false,
    encrypted: false,
    multicast: false,
    mtu: undefined,
    dnsTtl: undefined,
    labels: new Map(),
    created: new Date(0),
  };
}

/** Addresses in an etcd in memory, with one network; keys are `ID ADDRESS`. */
class SimulatedAddresses implements AddressRegistry {
  readonly values = new Map<string, string>();
  network: NetworkDefinition | undefined = blue('b1');
  isCut = false;
  #leases = 0;

  async #turn(): Promise<void> {
    await setImmediate();
    if (this.isCut) throw new EtcdError('ETCD_UNREACHABLE', 'etcd does not answer');
  }

  async list(id?: string) {
    await this.#turn();
    return [...this.values].flatMap(([key, value]) => {
      const [of = '', text = ''] = key.split(' ');
      return id === undefined || of === id ? [{ id: of, address: text as Address, value }] : [];
    });
  }

  async claim({ id }: NetworkDefinition, addresses: readonly Address[], value: string) {
    await this.#turn();
    if (this.network?.id !== id) return undefined;
    const taken = new Map<Address, string>();
    for (const each of addresses) {
      const found = this.values.get(`${id} ${each}`) ?? value;
      if (found === value) this.values.set(`${id} ${each}`, value);
      else taken.set(each, found);
    }
    return taken;
  }

  async drop(id: string, addresses: readonly Address[], value: string) {
    await this.#turn();
    for (const each of addresses)
      if (this.values.get(`${id} ${each}`) === value) this.values.delete(`${id} ${each}`);
  }

  async grant() {
    await this.#turn();
    return String(++this.#leases);
  }

  async keepAlive() {
    await this.#turn();
    return GRACE / 1000;
  }

  /** All of the keys of `value`, or of the network, are another host's by now. */
  pass(): void {
    for (const key of this.values.keys()) this.values.set(key, OTHER);
  }
}

function hostOn(etcd: SimulatedAddresses) {
  const clock = new ManualClock();
  const host = { asleep: 0, lost: [] as string[], changed: () => {} };
  const claims = new AddressClaims({
    registry: etcd,
    own: OWN,
    networks: {
      get: () => etcd.network,
      onChange: (listener) => {
        host.changed = listener;
        return () => {};
      },
    },
    graceMs: GRACE,
    endpointAt: () => undefined,
    askFor: async () => await Promise.resolve('somebody'),
    clock,
    uptime: () => clock.now() + host.asleep,
    random: () => 0,
    lost: (_, why) => host.lost.push(why),
  });
  claims.start();
  onTestFinished(() => claims.stop());
  return { claims, clock, host };
}

/** Until nothing is under way. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await setImmediate();
}

const take = async (claims: AddressClaims, id: string): Promise<string | undefined> =>
  (await claims.take('blue', { id, addresses: [] }))[4];

test('a reserve is given while etcd is away, and not after the lease has ended there', async () => {
  for (const away of ['asleep', 'cut off'] as const) {
    const etcd = new SimulatedAddresses();
    const { claims, clock, host } = hostOn(etcd);
    await take(claims, 'a');
    await rest();
    etcd.isCut = true;
    expect(await take(claims, 'b')).toBeDefined();
    if (away === 'asleep') host.asleep = GRACE;
    const minutes = away === 'cut off' ? GRACE / 60_000 : 0;
    for (let minute = 0; minute < minutes; minute++) {
      clock.advance(60_000);
      await rest();
    }
    etcd.pass();
    const refused = expect(take(claims, 'c')).rejects.toThrow('etcd does not answer');
    await rest();
    clock.advance(10_000);
    await refused;
    etcd.isCut = false;
    const taken = [...etcd.values.keys()];
    clock.advance(10_000);
    await rest();
    expect(host.lost).toHaveLength(2);
    expect(taken).not.toContain(`b1 ${await take(claims, 'c')}`);
  }
});

test('as long as etcd answers, nothing is lost, however often', async () => {
  const etcd = new SimulatedAddresses();
  const { claims, clock } = hostOn(etcd);
  await take(claims, 'a');
  await rest();
  for (let waited = 0; waited < 3 * GRACE; waited += 60_000) {
    clock.advance(60_000);
    await rest();
  }
  etcd.isCut = true;
  expect(await take(claims, 'b')).toBeDefined();
});

test('when a network was made anew, who has an address there claims it in the new one, or is told', async () => {
  const etcd = new SimulatedAddresses();
  const { claims, host } = hostOn(etcd);
  const [a, b] = [await take(claims, 'a'), await take(claims, 'b')];
  await rest();
  etcd.network = blue('b2');
  etcd.values.set(`b2 ${a}`, OTHER);
  host.changed();
  await rest();
  expect(host.lost).toEqual([
    `its address ${a} in blue is an endpoint's on h2 now, as this host was away for too long: detach it and attach it again`,
  ]);
  expect(etcd.values.get(`b2 ${b}`)).toBe(holderText(OWN));
  expect([...etcd.values.keys()].filter((key) => key.startsWith('b1 '))).toEqual([]);
  etcd.network = blue('b3', '10.8.0.0/16');
  host.changed();
  await rest();
  expect(host.lost[1]).toMatch(
    `its address ${b} in blue is not in the network's subnet 10.8.0.0/16, as this is another network than it was`,
  );
  claims.release('blue', 'a', { 4: a as Address });
  await rest();
  expect([...etcd.values]).toEqual([[`b2 ${a}`, OTHER]]);
});
