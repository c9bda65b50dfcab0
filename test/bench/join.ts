/**
 * A host joins: the time from its lease's write into etcd to the route in the kernel of each of a hundred other hosts,
 * each with a weftd of its own in a namespace of its own; against etcd's own delivery of the same writes to a hundred
 * bare watches of one process.
 */
import { setMaxListeners } from 'node:events';
import type { Prefix } from '../../agent/ip/prefix.ts';
import { formatKey } from '../../agent/subnet/key.ts';
import { createLab } from '../lab/lab.ts';
import type { EtcdClient } from '../../agent/etcd/client.ts';
import { startObserved } from './common/daemon.ts';
import { fakePeer, Fleet, NETWORK, withEtcd, type FakePeer } from './common/fleet.ts';
import { median, quantile, say } from './common/statistics.ts';
import { watchKernel } from './common/watch-kernel.ts';

const AGENTS = 100;
/** Started at once; more would only wait for each other. */
const TOGETHER = 4;
const JOINS = 20;
/** High numbers: the real hosts' subnets are few, and at random places. */
const FIRST = 16_000;
const PREFIX = '/join';

await using lab = await createLab({ nodes: AGENTS });
await lab.startEtcd();
await lab.configureNetwork(NETWORK, PREFIX);
// Etcd alone first: then nobody else hears of the writes.
const bare = await withEtcd(lab, async (client) => {
  const stop = new AbortController();
  setMaxListeners(AGENTS, stop.signal);
  const deliveries = await watchBarely(client, stop.signal);
  const times = await joins(client, FIRST, deliveries);
  stop.abort();
  return times;
});
for (let first = 0; first < AGENTS; first += TOGETHER)
  await Promise.all(
    lab.hosts.slice(first, first + TOGETHER).map((host) => startObserved(host, PREFIX, false)),
  );
const watchers = lab.hosts.map((host) => watchKernel(host.netns));
const agents = await withEtcd(lab, (client) =>
  joins(client, FIRST + JOINS, ({ subnet }) =>
    Promise.all(watchers.map((watcher) => watcher.route(subnet))),
  ),
);
for (const watcher of watchers) watcher.close();

const figures = (values: readonly number[]): string =>
  `${median(values).toFixed(1)} ms median, ${quantile(values, 0.99).toFixed(1)} of 99 in 100, ${Math.max(...values).toFixed(1)} worst`;
say(`write to route in ${AGENTS} kernels`, figures(agents));
say(`write to ${AGENTS} bare watches`, figures(bare));

/** Hosts that join one after the other; how long after each write it was `seen`, in ms. */
async function joins(
  client: EtcdClient,
  first: number,
  seen: (peer: FakePeer) => Promise<number[]>,
): Promise<number[]> {
  const fleet = new Fleet(client, PREFIX);
  const times: number[] = [];
  for (let join = 0; join < JOINS; join++) {
    const peer = fakePeer(first + join);
    const told = seen(peer);
    const start = performance.now();
    await fleet.put([peer]);
    times.push(...(await told).map((at) => at - start));
  }
  return times;
}

/** A hundred watches; the returned function tells when each has been told of the peer. */
async function watchBarely(
  client: EtcdClient,
  signal: AbortSignal,
): Promise<(peer: FakePeer) => Promise<number[]>> {
  const waiting = Array.from({ length: AGENTS }, () => new Map<string, (at: number) => void>());
  const standing = waiting.map(
    (mine) => new Promise<void>((resolve) => void follow(client, mine, resolve, signal)),
  );
  await Promise.all(standing);
  return ({ subnet }) =>
    Promise.all(
      waiting.map((mine) => new Promise<number>((resolve) => mine.set(keyOf(subnet), resolve))),
    );
}

async function follow(
  client: EtcdClient,
  waiting: Map<string, (at: number) => void>,
  standing: () => void,
  signal: AbortSignal,
): Promise<void> {
  for await (const { events } of client.watch(`${PREFIX}/subnets/`, 'prefix', 1, signal)) {
    standing();
    for (const event of events) {
      const key = event.type === 'put' ? event.kv.key : event.key;
      waiting.get(key)?.(performance.now());
    }
  }
}

function keyOf(subnet: Prefix): string {
  return `${PREFIX}/subnets/${formatKey({ 4: subnet })}`;
}
