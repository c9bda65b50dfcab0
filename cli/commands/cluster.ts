/** `weft cluster status`: how every host is doing, what is wrong first. */
import type { ClusterHost } from '../../controlplane/api/cluster-model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { table } from '../table.ts';
import { counted, inOrder, listed, painter, type Style } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    const hosts: ClusterHost[] = [];
    for await (const host of client.cluster.hosts()) hosts.push(host);
    hosts.sort((a, b) => rankOf(a) - rankOf(b) || inOrder(a.name, b.name));
    printAnswer(context, hosts, () => hostLines(hosts, context));
  });
}

/** What is wrong first. One that said goodbye is not missed. */
function rankOf({ status, summary }: ClusterHost): number {
  if (status === 'left') return 5;
  if (summary === undefined) return status === 'alive' ? 0 : 1;
  if (!summary.ready) return 2;
  return summary.problemCount > 0 || !summary.etcdConnected ? 3 : 4;
}

const STYLES: readonly (Style | undefined)[] = ['red', 'red', 'red', 'yellow', undefined, 'dim'];
const WELL = 4;

const HEAD = ['HOST', 'STATE', 'BACKEND', 'SUBNET', 'PEERS', 'VERSION', 'WHAT IS WRONG'] as const;

function hostLines(hosts: readonly ClusterHost[], { color, width }: Context): string[] {
  const paint = painter(color);
  const [head = '', ...lines] = table(HEAD, hosts.map(rowOf), width);
  return [
    ...(hosts.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => {
      const host = hosts[i];
      const style = host === undefined ? undefined : STYLES[rankOf(host)];
      return style === undefined ? line : paint(style, line);
    }),
    summaryOf(hosts),
  ];
}

function summaryOf(hosts: readonly ClusterHost[]): string {
  const troubled = hosts.filter((host) => rankOf(host) < WELL).length;
  const count = counted(hosts.length, 'host');
  return troubled === 0 ? count : `${count}, something is wrong with ${troubled}`;
}

function rowOf(host: ClusterHost): string[] {
  const { name, mine, summary } = host;
  const { backend, subnets = [], peers, version } = summary ?? {};
  return [
    mine ? `${name} (this host)` : name,
    stateOf(host),
    backend ?? '-',
    subnets.length === 0 ? '-' : listed(subnets),
    peers?.toString() ?? '-',
    version ?? '-',
    wrongOf(host),
  ];
}

function stateOf({ status, summary }: ClusterHost): string {
  if (summary === undefined) return status === 'alive' ? 'no answer' : status;
  if (!summary.ready) return 'not ready';
  return summary.problemCount === 0 ? 'ready' : counted(summary.problemCount, 'problem');
}

function wrongOf({ summary }: ClusterHost): string {
  if (summary === undefined) return '-';
  return summary.problem ?? (summary.etcdConnected ? '-' : 'etcd is unreachable');
}
