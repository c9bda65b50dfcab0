/** `weft peers`: how every other host is reached, and what is wrong with that. */
import type { ControlClient } from '../../controlplane/api/client.ts';
import type { Peer, PeerEvent } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printJson, printLines } from '../print.ts';
import { table } from '../table.ts';
import { byteCount, counted, listed, painter, printable, span } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    if (context.watch) await watch(client, context);
    else show(await all(client.peers()), context);
  });
}

async function all(stream: AsyncIterable<Peer>): Promise<Peer[]> {
  const peers: Peer[] = [];
  for await (const peer of stream) peers.push(peer);
  return peers;
}

function show(unsorted: readonly Peer[], { io, json, color }: Context): void {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const peers = unsorted.toSorted((a, b) => compare(a.key, b.key));
  if (json) printJson(io, peers);
  else {
    const width = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    printLines(io, peerLines(peers, io.now(), color, width));
  }
}

async function watch(client: ControlClient, context: Context): Promise<void> {
  const { io, json } = context;
  const first: Peer[] = [];
  let complete = false;
  for await (const event of client.watchPeers()) {
    if (json) printJson(io, event, 'line');
    else if (complete) printLines(io, [changeLine(event, io.now())]);
    else if (event.type === 'present') first.push(event.peer);
    else if (event.type === 'complete') {
      complete = true;
      show(first, context);
    }
  }
}

interface Column {
  readonly head: string;
  readonly text: (peer: Peer, now: Date) => string | undefined;
  /** Left out where no peer has it. */
  readonly seldom?: true;
}

const COLUMNS: readonly Column[] = [
  { head: 'SUBNET', text: subnetText },
  { head: 'HOST', text: ({ host, node }) => host ?? node },
  { head: 'BACKEND', text: ({ backend }) => backend },
  { head: 'REASON', text: ({ reason }) => reason, seldom: true },
  { head: 'ENDPOINT', text: ({ endpoint }) => endpoint },
  { head: 'HANDSHAKE', text: handshakeText, seldom: true },
  { head: 'RECEIVED', text: ({ receivedBytes }) => bytesText(receivedBytes), seldom: true },
  { head: 'SENT', text: ({ sentBytes }) => bytesText(sentBytes), seldom: true },
  { head: 'PATH MTU', text: ({ pathMtu }) => pathMtu?.toString() },
  { head: 'MTU', text: ({ mtu }) => mtu?.toString() },
  { head: 'RTT', text: roundTripText },
  { head: 'STATE', text: stateText },
];

function peerLines(peers: readonly Peer[], now: Date, color: boolean, width?: number): string[] {
  const paint = painter(color);
  const columns = COLUMNS.filter(
    ({ text, seldom }) => seldom !== true || peers.some((peer) => text(peer, now) !== undefined),
  );
  const rows = peers.map((peer) => columns.map(({ text }) => text(peer, now) ?? '-'));
  const heads = columns.map((column) => column.head);
  const [head = '', ...lines] = table(heads, rows, width);
  return [
    ...(peers.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => (peers[i]?.problems.length === 0 ? line : paint('red', line))),
    summary(peers),
  ];
}

function summary(peers: readonly Peer[]): string {
  const troubled = peers.filter(({ problems }) => problems.length > 0).length;
  const count = counted(peers.length, 'peer');
  return troubled === 0 ? count : `${count}, something is wrong with ${troubled}`;
}

function subnetText({ subnets, key }: Peer): string {
  return subnets.length === 0 ? key : listed(subnets);
}

function handshakeText({ lastHandshake }: Peer, now: Date): string | undefined {
  return lastHandshake && `${span(now.getTime() - lastHandshake.getTime())} ago`;
}

function bytesText(bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : byteCount(bytes);
}

function roundTripText({ roundTripMs }: Peer): string | undefined {
  return roundTripMs === undefined
    ? undefined
    : `${roundTripMs.toFixed(roundTripMs < 10 ? 2 : 0)} ms`;
}

function stateText({ problems }: Peer): string {
  return problems.length === 0 ? 'ok' : problems.join('; ');
}

/** What changes all the time is not told. */
function changeLine(event: PeerEvent, now: Date): string {
  switch (event.type) {
    case 'present': {
      const told = COLUMNS.filter(({ head }) => !UNTOLD.includes(head));
      const texts = told.flatMap(({ text, seldom }) => {
        const cell = text(event.peer, now);
        return cell === undefined && seldom === true ? [] : [printable(cell ?? '-')];
      });
      return `+ ${texts.join('  ')}`;
    }
    case 'removed':
      return `- ${printable(event.key)}`;
    case 'complete':
      return '';
  }
}

const UNTOLD: readonly string[] = ['HANDSHAKE', 'RECEIVED', 'SENT', 'RTT'];
