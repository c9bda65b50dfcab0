/** `weft peer ls`: how every other host is reached, and what is wrong with that. */
import type { Peer, PeerEvent } from '../../controlplane/api/model.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { table } from '../table.ts';
import { byteCount, counted, listed, painter, printable, span } from '../text.ts';

const PEERS: Listing<Peer, PeerEvent> = {
  thing: 'peer',
  list: (client) => client.peers(),
  watch: (client) => client.watchPeers(),
  entryOf: (event) => (event.type === 'present' ? event.peer : undefined),
  goneKey: (event) => (event.type === 'removed' ? event.key : undefined),
  keyOf: ({ key }) => key,
  namesOf: ({ host, subnets }) => [...(host === undefined ? [] : [host]), ...subnets],
  lines: (peers, { io, color, width }) => peerLines(peers, io.now(), color, width),
  changeLine: (event, { io }) => changeLine(event, io.now()),
};

export async function run(context: Context): Promise<void> {
  await runListing(PEERS, context);
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
