/**
 * What one lease event costs weftd on top of 10,000 leases against on top of 10, both in the same etcd: processor
 * time and time from the write to the last entry in the kernel, over many events, a new lease, a changed MAC, a
 * deletion. New leases and changes come one by one: the next is written when the last one's route, or neighbour, has
 * followed. Deletions come together, as weft waits a moment before it lets a peer go.
 */
import { createLab } from '../lab/lab.ts';
import { cpuOf, startObserved, type Observed } from './common/daemon.ts';
import { fakePeer, fakePeers, Fleet, NETWORK, withEtcd, type FakePeer } from './common/fleet.ts';
import { median, say } from './common/statistics.ts';
import { watchKernel } from './common/watch-kernel.ts';
import { baseOf } from '../../agent/ip/prefix.ts';

const FEW = 10;
const MANY = 10_000;
const EVENTS = 200;
const ROUNDS = 3;
const WANTED = 'under 2';
/** Not among the first 10,000. */
const EXTRA = 12_000;

const KINDS = ['new lease', 'changed MAC', 'deleted lease'] as const;
type Kind = (typeof KINDS)[number];

interface Cost {
  /** An event, in ms. */
  readonly cpu: number;
  readonly wall: number;
}

await using lab = await createLab({ nodes: 2 });
await lab.startEtcd();
const networks = [
  { prefix: '/few', leases: FEW, host: lab.host(1) },
  { prefix: '/many', leases: MANY, host: lab.host(2) },
];
for (const { prefix } of networks) await lab.configureNetwork(NETWORK, prefix);
await withEtcd(lab, async (client) => {
  for (const { prefix, leases } of networks) await new Fleet(client, prefix).put(fakePeers(leases));
});
const costs = new Map<string, Cost[]>();
const observed: Observed[] = [];
for (const { prefix, host } of networks) observed.push(await startObserved(host, prefix, false));
// The kernels are watched from their own namespaces, and etcd is written to from its own.
const watchers = networks.map(({ host }) => watchKernel(host.netns));
await withEtcd(lab, async (client) => {
  // The first round warms both up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { prefix, leases }] of networks.entries()) {
      const watcher = watchers[i];
      const pid = observed[i]?.daemon.pid;
      if (watcher === undefined || pid === undefined) continue;
      const fleet = new Fleet(client, prefix);
      const carryOut: Record<Kind, (number: number) => Promise<unknown>> = {
        'new lease': (n) => seen(fleet.put([fakePeer(n)]), watcher.route(fakePeer(n).subnet)),
        'changed MAC': (n) =>
          seen(fleet.put([fakePeer(n, 1)]), watcher.neighbour(neighbourOf(fakePeer(n, 1)))),
        'deleted lease': (n) =>
          seen(fleet.delete([fakePeer(n)]), watcher.route(fakePeer(n).subnet)),
      };
      for (const kind of KINDS) {
        const [cpu, start] = [cpuOf(pid), performance.now()];
        await inTurn(kind === 'deleted lease' ? EVENTS : 1, carryOut[kind]);
        const cost = {
          cpu: (cpuOf(pid) - cpu) / EVENTS,
          wall: (performance.now() - start) / EVENTS,
        };
        const name = `${kind} ${leases}`;
        if (round > 0) costs.set(name, [...(costs.get(name) ?? []), cost]);
      }
    }
  }
});
for (const watcher of watchers) watcher.close();
for (const each of observed) await each.end();

for (const kind of KINDS) {
  const of = (leases: number, what: keyof Cost): number =>
    median((costs.get(`${kind} ${leases}`) ?? []).map((cost) => cost[what]));
  for (const what of ['cpu', 'wall'] as const) {
    const [few, many] = [of(FEW, what), of(MANY, what)];
    const figures = `${few.toFixed(2)} ms on 10, ${many.toFixed(2)} ms on 10,000: ${(many / few).toFixed(2)}`;
    if (what === 'wall' && kind === 'deleted lease') continue;
    say(`${kind}, ${what === 'cpu' ? 'processor' : 'write to kernel'}`, figures, WANTED);
  }
}

/** All events, the next begun when no more than `together` are under way. */
async function inTurn(
  together: number,
  carryOut: (number: number) => Promise<unknown>,
): Promise<void> {
  for (let first = 0; first < EVENTS; first += together) {
    const turn = Array.from({ length: together }, (_, i) => carryOut(EXTRA + first + i));
    await Promise.all(turn);
  }
}

async function seen(written: Promise<void>, told: Promise<number>): Promise<void> {
  await Promise.all([written, told]);
}

function neighbourOf({ subnet, mac }: FakePeer): string {
  return `${baseOf(subnet)} ${mac}`;
}
