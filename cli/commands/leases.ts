/** `weft leases`: every host's lease, and why those that are not in force are not. */
import type { ControlClient } from '../../controlplane/api/client.ts';
import type { Lease, LeaseEvent } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printJson, printLines } from '../print.ts';
import { table } from '../table.ts';
import { counted, instant, painter, printable } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    if (context.watch) await watch(client, context);
    else show(await all(client.leases()), context);
  });
}

async function all(stream: AsyncIterable<Lease>): Promise<Lease[]> {
  const leases: Lease[] = [];
  for await (const lease of stream) leases.push(lease);
  return leases;
}

function show(unsorted: readonly Lease[], { io, json, color }: Context): void {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const leases = unsorted.toSorted((a, b) => compare(a.key, b.key));
  if (json) printJson(io, leases);
  else {
    const width = io.stdout.isTTY === true ? io.stdout.columns : undefined;
    printLines(io, leaseLines(leases, color, width));
  }
}

async function watch(client: ControlClient, context: Context): Promise<void> {
  const { io, json } = context;
  const first: Lease[] = [];
  let complete = false;
  for await (const event of client.watchLeases()) {
    if (json) printJson(io, event, 'line');
    else if (complete) printLines(io, [changeLine(event)]);
    else if (event.type === 'present') first.push(event.lease);
    else if (event.type === 'complete') {
      complete = true;
      show(first, context);
    }
  }
}

const HEAD = ['SUBNET', 'PUBLIC ADDRESS', 'BACKEND', 'NODE', 'STATE'] as const;

export function leaseLines(leases: readonly Lease[], color: boolean, width?: number): string[] {
  const paint = painter(color);
  const refused = leases.filter(({ inForce, mine }) => !inForce && !mine).length;
  const [head = '', ...lines] = table(HEAD, leases.map(rowOf), width);
  const summary = refused === 0 ? '' : `, ${refused} of them not in force`;
  return [
    ...(leases.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => painted(line, leases[i])),
    `${counted(leases.length, 'lease')}${summary}`,
  ];

  function painted(line: string, lease: Lease | undefined): string {
    if (lease?.mine === true) return paint('green', line);
    return lease?.inForce === true ? line : paint('red', line);
  }
}

function rowOf(lease: Lease): string[] {
  return [
    lease.subnets.join(', ') || lease.key,
    lease.publicAddresses.join(', ') || '-',
    lease.backendType ?? '-',
    lease.node ?? '-',
    stateOf(lease),
  ];
}

function stateOf({ mine, inForce, refusal, reserved, expires }: Lease): string {
  const words = [
    mine ? 'this host' : '',
    mine || inForce ? '' : `not in force: ${refusal ?? 'no reason given'}`,
    mine && refusal !== undefined ? refusal : '',
    reserved ? 'reserved' : '',
    expires === undefined ? '' : `until ${instant(expires)}`,
  ].filter((word) => word !== '');
  return words.join(', ') || 'in force';
}

function changeLine(event: LeaseEvent): string {
  switch (event.type) {
    case 'present':
      return `+ ${rowOf(event.lease).map(printable).join('  ')}`;
    case 'removed':
      return `- ${printable(event.key)}`;
    case 'complete':
      return '';
  }
}
