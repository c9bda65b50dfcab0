/** Builds the lab step by step, and says so. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createLab, type Lab } from '../../test/lab/lab.ts';
import type { Host } from '../../test/lab/host.ts';
import type { Namespace } from '../../test/lab/namespace.ts';
import { openEntrances } from '../../test/lab/vm/entrance.ts';
import { WEFT, WEFTD, type Weftd } from '../../test/lab/weftd.ts';
import type { Options } from './options.ts';

const CONFIG_KEY = '/coreos.com/network/config';
const NETWORK = '10.5.0.0/16';

export interface Running {
  readonly lab: Lab;
  readonly daemons: readonly Weftd[];
  /** With machines: the program with which one enters them. */
  readonly entrance: string | undefined;
  /** One per host, in the hosts' order. */
  readonly workloads: readonly Namespace[];
}

/** Told about what goes on, for people. */
export type Say = (line: string) => void;

/** Rejects with a sentence and, where a daemon is the cause, the end of its log. */
export async function buildLab({ nodes, vm, backend }: Options, say: Say): Promise<Running> {
  if (!existsSync(WEFTD)) throw new Error('weftd is not built yet: npm run build');
  const step = steps(say);
  if (vm) setUpMachines();
  const lab = vm
    ? await step(`booting ${nodes} machines`, () => createLab({ nodes, machines: 'all' }))
    : await step(`making ${nodes} hosts`, () => createLab({ nodes }));
  const entrance = vm ? await openEntrances(lab) : undefined;
  const etcd = await step('starting etcd', () => lab.startEtcd());
  const config = JSON.stringify({ Network: NETWORK, Backend: { Type: backend } });
  say(`  etcdctl --endpoints=${etcd.endpoint} put ${CONFIG_KEY} '${config}'`);
  await lab.etcdctl('put', CONFIG_KEY, config);
  const daemons = await step('starting weftd on each host', () =>
    Promise.all(lab.hosts.map((host) => host.startWeftd(['--ip-masq']).waitReady())),
  );
  const workloads = await step('attaching a workload to each host', () =>
    Promise.all(lab.hosts.map((host, i) => host.attachWorkload(workloadName(i)))),
  );
  return { lab, daemons, workloads, entrance };
}

/** What namespaces do not need: QEMU and a kernel. */
function setUpMachines(): void {
  const script = fileURLToPath(new URL('../setup.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, 'machines'], {
    stdio: ['ignore', 2, 'inherit'],
  });
  if (status !== 0) throw new Error('machines cannot be set up');
}

/** Of the workload on the host of that index: short, as twenty stand in a line. */
export function workloadName(index: number): string {
  return `w${index + 1}`;
}

function steps(say: Say) {
  return async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    const start = performance.now();
    say(`${what} …`);
    const result = await work();
    say(`  ${((performance.now() - start) / 1000).toFixed(1)} s`);
    return result;
  };
}

/** How to look into it while it stands. */
export function hints(running: Running): string {
  const { lab } = running;
  const [first, second] = [lab.host(1), lab.host(2)];
  const rows = {
    [`a shell on ${first.name}`]: enter(running, first),
    'its daemon': `${enter(running, first)} ${process.execPath} ${WEFT} --socket ${first.socket} status`,
    'the leases': `ip netns exec ${lab.etcdPlace.netns} env ETCDCTL_API=3 etcdctl --endpoints=${lab.etcdEndpoint} get --prefix /coreos.com/network`,
    'break something': `${enter(running, second)} ip route flush proto 119   (it is back within a second)`,
  };
  return [
    'Look into it from another terminal:',
    ...Object.entries(rows).map(([what, command]) => `  ${`${what}:`.padEnd(18)}${command}`),
    'Ctrl-C ends the lab and removes everything.',
  ].join('\n');
}

/** Runs what follows on the host; a shell if nothing does. */
function enter({ entrance }: Running, host: Host): string {
  return host.machine === undefined
    ? `nsenter --net=/run/netns/${host.netns}`
    : `${process.execPath} ${entrance} ${host.name}`;
}

/** The ends of the daemons' logs. */
export function logTails({ daemons }: Running, count = 10): string {
  return daemons
    .map((daemon) =>
      [`Log of weftd on ${daemon.host.name}:`, ...daemon.logLines().slice(-count)].join('\n  '),
    )
    .join('\n');
}
