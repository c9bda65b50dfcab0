/** TCP by the ways of one lab, each against the raw path between the same hosts, by iperf3 in turn. */
import type { Address } from '../../../agent/ip/address.ts';
import type { Host } from '../../lab/host.ts';
import type { Namespace } from '../../lab/namespace.ts';
import { iperf } from '../../lab/probes.ts';
import { readSubnetEnv, type BridgeNetwork } from '../../lab/subnet-env.ts';
import { say, spread } from './statistics.ts';

/** More show more of the spread: `WEFT_BENCH_ROUNDS=9 npm run bench -- throughput`. */
const ROUNDS = Number(process.env['WEFT_BENCH_ROUNDS'] ?? 3);
/** Of each transfer. */
const SECONDS = 2;

export interface Way {
  readonly from: Namespace;
  readonly to: Namespace;
  /** Of the receiver, by which the way is chosen. */
  readonly address: Address;
}

/** Bits a second in each round, by the name of the way. */
type Rates = ReadonlyMap<string, readonly number[]>;

type Pair = readonly [Host, Host];

export function rawWay([from, to]: Pair): Way {
  return { from, to, address: to.address };
}

/** Whatever joins the two: from host to host, and from workload to workload. Networks as subnet.env has them unless given. */
export async function overlayWays(
  [from, to]: Pair,
  networks?: readonly [BridgeNetwork, BridgeNetwork],
): Promise<{ readonly hosts: Way; readonly workloads: Way }> {
  const [near, far] = networks ?? [
    await readSubnetEnv(from.subnetFile),
    await readSubnetEnv(to.subnetFile),
  ];
  const sender = await from.attachWorkload('work', near);
  const receiver = await to.attachWorkload('work', far);
  const bridge = far.gateways[4]?.address;
  if (bridge === undefined) throw new Error(`${to.name} has no IPv4 subnet`);
  return {
    hosts: { from, to, address: bridge },
    workloads: { from: sender, to: receiver, address: receiver.address },
  };
}

/** Every way once in every round, there and back, so that what changes on this machine meanwhile meets all of them. */
export async function ratesOf(ways: Readonly<Record<string, Way>>): Promise<Rates> {
  const rates = new Map(Object.keys(ways).map((name) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    const order = Object.entries(ways);
    for (const [name, { from, to, address }] of round % 2 === 0 ? order : order.toReversed())
      rates.get(name)?.push(await iperf(from, to, { address, seconds: SECONDS }));
  }
  return rates;
}

/** The ratio of one way to another in each round. */
export function sayRatio(title: string, rates: Rates, way: string, against: string): void {
  const others = rates.get(against) ?? [];
  const ratios = (rates.get(way) ?? []).map((rate, i) => rate / (others[i] ?? Number.NaN));
  say(title, spread(ratios, 3));
}

export function sayRate(title: string, rates: Rates, way: string): void {
  const megabits = (rates.get(way) ?? []).map((rate) => rate / 1e6);
  say(`${title}, Mbit/s`, spread(megabits));
}
