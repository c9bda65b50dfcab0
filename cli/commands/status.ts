/** `weft status`: what is wrong on this host first, then one short block. */
import type { Status } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { counted, instant, listed, painter, printable, span, type Paint } from '../text.ts';

/** Clears the screen and goes to its first line (ECMA-48, ED and CUP). */
const CLEAR = '\u001b[2J\u001b[H';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    if (!context.watch) show(await client.status(), context);
    else for await (const status of client.watchStatus()) show(status, context);
  });
}

function show(status: Status, context: Context): void {
  const { io, watch, color } = context;
  const lines = (): string[] => {
    const clear = watch && io.stdout.isTTY === true ? CLEAR : '';
    const [first = '', ...rest] = statusLines(status, io.now(), painter(color));
    return [`${clear}${first}`, ...rest, ...(watch ? [''] : [])];
  };
  printAnswer(context, status, lines, watch ? 'line' : 'document');
}

/** Of the first column of the block. */
const NAME_WIDTH = 13;

export function statusLines(status: Status, now: Date, paint: Paint): string[] {
  const wrong = wrongs(status, now);
  const verdict = wrong.length === 0 ? paint('green', 'nothing is wrong') : wrongHead(status);
  return [
    `${paint('bold', printable(status.hostname))}: ${verdict}`,
    ...wrong.map((sentence) => `  ${paint('red', '!')} ${printable(sentence)}`),
    ...(wrong.length === 0 ? [] : ['']),
    ...blockOf(status, now).map(([name, value]) => `${name.padEnd(NAME_WIDTH)}${printable(value)}`),
  ];
}

function wrongHead(status: Status): string {
  return status.ready ? 'ready, but' : 'not ready';
}

/** One sentence for each thing that is not as it should be. */
function wrongs(status: Status, now: Date): string[] {
  const { etcd, lease, problems, problemCount } = status;
  const unseen = problemCount - problems.length;
  return [
    ...(status.ready ? [] : [`not ready: ${status.notReadyReason ?? 'still starting'}`]),
    ...(etcd.connected ? [] : [unreachable(etcd, now)]),
    ...(lease.state === 'doubtful'
      ? ['the lease could not be renewed, and etcd may have given it up']
      : []),
    ...problems.map(({ code, message, since }) => `${message} (${code}, for ${age(since, now)})`),
    ...(unseen > 0 ? [`and ${counted(unseen, 'more problem')}: see the log of weftd`] : []),
  ];
}

function unreachable({ unreachableSince, lastError }: Status['etcd'], now: Date): string {
  const since = unreachableSince === undefined ? '' : ` for ${age(unreachableSince, now)}`;
  const why = lastError === undefined ? '' : ` (${lastError})`;
  return `etcd: unreachable${since}${why}; forwarding goes on with what is known`;
}

function blockOf(status: Status, now: Date): (readonly [string, string])[] {
  const { network, underlay, backend, etcd, counters } = status;
  const running = `weftd ${status.version}, running for ${age(status.runningSince, now)}`;
  return [
    ['node', `${status.nodeId}, ${running}`],
    ['lease', leaseText(status)],
    ['network', network === undefined ? 'not known yet' : networkText(network)],
    ['backend', backend === undefined ? 'none yet' : backendText(backend)],
    ['underlay', underlay === undefined ? 'not found yet' : underlayText(underlay)],
    ['peers', String(status.peers)],
    ['etcd', etcdText(etcd, now)],
    ['gossip', gossipText(status.gossip)],
    ['since start', `${counters.repairs} repaired, ${counters.refused} refused`],
  ];
}

function leaseText({ lease }: Status): string {
  if (lease.subnets.length === 0) return lease.state;
  const end = lease.expires === undefined ? '' : ` until ${instant(lease.expires)}`;
  return `${listed(lease.subnets)}, ${lease.state}${end}`;
}

function networkText({ ranges, etcdPrefix }: NonNullable<Status['network']>): string {
  const texts = ranges.map(({ network, subnetLength }) => `${network} in /${subnetLength}`);
  return `${listed(texts)}, at ${etcdPrefix}`;
}

function backendText({ type, devices, mtu }: NonNullable<Status['backend']>): string {
  return `${type}${devices.length === 0 ? '' : ` on ${listed(devices)}`}, MTU ${mtu}`;
}

function underlayText({ link, mtu, publicAddresses }: NonNullable<Status['underlay']>): string {
  return `${link}, MTU ${mtu}, known to peers as ${listed(publicAddresses)}`;
}

function etcdText({ connected, endpoints, lastSync }: Status['etcd'], now: Date): string {
  const sync = lastSync === undefined ? 'never in sync yet' : `in sync ${age(lastSync, now)} ago`;
  return `${connected ? 'connected' : 'unreachable'}, ${listed(endpoints)}, ${sync}`;
}

function gossipText(gossip: Status['gossip']): string {
  if (gossip === undefined) return 'switched off';
  const { name, address, alive, failed, encrypted } = gossip;
  if (address === undefined) return `${name}, not running`;
  const members = `${alive} alive${failed === 0 ? '' : `, ${failed} failed`}`;
  return `${name} at ${address}, ${encrypted ? 'encrypted' : 'not encrypted'}, members: ${members}`;
}

function age(since: Date, now: Date): string {
  return span(now.getTime() - since.getTime());
}
