/** `weft lease ls`: every host's lease, and why those that are not in force are not. */
import type { Lease, LeaseEvent } from '../../controlplane/api/model.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { table } from '../table.ts';
import { counted, instant, painter, printable } from '../text.ts';

const LEASES: Listing<Lease, LeaseEvent> = {
  thing: 'lease',
  list: (client) => client.leases(),
  watch: (client) => client.watchLeases(),
  entryOf: (event) => (event.type === 'present' ? event.lease : undefined),
  goneKey: (event) => (event.type === 'removed' ? event.key : undefined),
  keyOf: ({ key }) => key,
  namesOf: ({ subnets }) => subnets,
  lines: (leases, { color, width }) => leaseLines(leases, color, width),
  changeLine,
};

export async function run(context: Context): Promise<void> {
  await runListing(LEASES, context);
}

const HEAD = ['SUBNET', 'PUBLIC ADDRESS', 'BACKEND', 'NODE', 'STATE'] as const;

function leaseLines(leases: readonly Lease[], color: boolean, width?: number): string[] {
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
