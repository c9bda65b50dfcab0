/** `weft event ls`: what happened in the cluster, and what happens. */
import { WeftError } from '../../controlplane/api/errors.ts';
import type { ClusterEvent, ClusterEventEvent } from '../../controlplane/api/cluster-model.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { table } from '../table.ts';
import { counted, instant, painter, printable, type Style } from '../text.ts';

const EVENTS: Listing<ClusterEvent, ClusterEventEvent> = {
  thing: 'event',
  list: (client, context) => client.cluster.events(sinceOf(context)),
  watch: (client, context) => client.cluster.watchEvents(sinceOf(context)),
  entryOf: (event) => (event.type === 'present' ? event.event : undefined),
  goneKey: () => undefined,
  keyOf: ({ at, id }) => `${at.toISOString()} ${id}`,
  namesOf: () => [],
  lines: (events, { color, width }) => eventLines(events, color, width),
  changeLine: (event, { color }) => (event.type === 'present' ? line(event.event, color) : ''),
};

export async function run(context: Context): Promise<void> {
  // Before the daemon is asked.
  sinceOf(context);
  await runListing(EVENTS, context);
}

const UNITS: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Throws WEFT_USAGE. */
function sinceOf({ values, io }: Context): Date | undefined {
  const text = values['since'];
  if (typeof text !== 'string') return undefined;
  const [, count, unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) return new Date(io.now().getTime() - Number(count) * (UNITS[unit] ?? 0));
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new WeftError('WEFT_USAGE', `--since ${text} is no time`, {
    fix: 'give a length as 30s, 10m, 2h or 1d, or a date as 2026-11-28T09:00:00Z',
  });
}

const HEAD = ['TIME', 'HOST', 'KIND', 'WHAT'] as const;

const STYLES: Readonly<Record<string, Style>> = {
  'member-failed': 'red',
  'lease-lost': 'yellow',
  'problem-begun': 'red',
  'problem-ended': 'green',
  'member-joined': 'green',
};

function eventLines(events: readonly ClusterEvent[], color: boolean, width?: number): string[] {
  const paint = painter(color);
  const [head = '', ...lines] = table(HEAD, events.map(rowOf), width);
  return [
    ...(events.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((text, i) => painted(text, events[i], color)),
    counted(events.length, 'event'),
  ];
}

function line(event: ClusterEvent, color: boolean): string {
  return painted(rowOf(event).map(printable).join('  '), event, color);
}

function painted(text: string, event: ClusterEvent | undefined, color: boolean): string {
  const style = STYLES[event?.kind ?? ''];
  return style === undefined ? text : painter(color)(style, text);
}

function rowOf({ at, host, kind, text }: ClusterEvent): string[] {
  return [instant(at), host ?? '-', kind, text];
}
