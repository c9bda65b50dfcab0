/** `weft member ls`: every member of the gossip, who is alive, and how far away. */
import type { Member, MemberEvent } from '../../controlplane/api/model.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { table } from '../table.ts';
import { counted, painter, printable, span, type Style } from '../text.ts';

const MEMBERS: Listing<Member, MemberEvent> = {
  thing: 'member',
  list: (client) => client.members(),
  watch: (client) => client.watchMembers(),
  entryOf: (event) => (event.type === 'present' ? event.member : undefined),
  goneKey: (event) => (event.type === 'removed' ? event.name : undefined),
  keyOf: ({ name }) => name,
  namesOf: () => [],
  lines: (members, { io, color, width }) => memberLines(members, io.now(), color, width),
  changeLine: (event, { io }) => changeLine(event, io.now()),
};

export async function run(context: Context): Promise<void> {
  await runListing(MEMBERS, context);
}

const HEAD = ['NAME', 'ADDRESS', 'STATUS', 'TAGS', 'RTT', 'SINCE'] as const;
const STYLES: Readonly<Partial<Record<string, Style>>> = {
  leaving: 'yellow',
  left: 'dim',
  failed: 'red',
};

function memberLines(
  members: readonly Member[],
  now: Date,
  color: boolean,
  width?: number,
): string[] {
  const paint = painter(color);
  const rows = members.map((member) => rowOf(member, now));
  const [head = '', ...lines] = table(HEAD, rows, width);
  return [
    ...(members.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => painted(line, members[i])),
    summary(members),
  ];

  function painted(line: string, member: Member | undefined): string {
    const style = STYLES[member?.status ?? ''] ?? (member?.mine === true ? 'green' : undefined);
    return style === undefined ? line : paint(style, line);
  }
}

function summary(members: readonly Member[]): string {
  const others = ['leaving', 'left', 'failed'].flatMap((status) => {
    const count = members.filter((member) => member.status === status).length;
    return count === 0 ? [] : [`${count} ${status}`];
  });
  return [counted(members.length, 'member'), ...others].join(', ');
}

function rowOf(member: Member, now: Date): string[] {
  const { name, address, status, tags, since, mine } = member;
  return [
    name,
    address,
    mine ? `${status}, this host` : status,
    tagsText(tags),
    roundTripText(member),
    span(now.getTime() - since.getTime()),
  ];
}

function tagsText(tags: Member['tags']): string {
  const sorted = Object.entries(tags).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return sorted.map(([name, value]) => `${name}=${value}`).join(',') || '-';
}

function roundTripText({ roundTripMs }: Member): string {
  if (roundTripMs === undefined) return '-';
  return `${roundTripMs.toFixed(roundTripMs < 10 ? 2 : 0)} ms`;
}

function changeLine(event: MemberEvent, now: Date): string {
  switch (event.type) {
    case 'present':
      return `+ ${rowOf(event.member, now).slice(0, -1).map(printable).join('  ')}`;
    case 'removed':
      return `- ${printable(event.name)}`;
    case 'complete':
      return '';
  }
}
