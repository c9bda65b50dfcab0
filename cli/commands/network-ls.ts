/** `weft network ls`: every network. */
import type { Network, NetworkEvent } from '../../controlplane/api/network-model.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { NETWORK_HEAD, networkCells } from '../network-text.ts';
import { table } from '../table.ts';
import { counted, painter, printable } from '../text.ts';

const NETWORKS: Listing<Network, NetworkEvent> = {
  thing: 'network',
  list: (client) => client.network.list(),
  watch: (client) => client.network.watch(),
  entryOf: (event) => (event.type === 'present' ? event.network : undefined),
  goneKey: (event) => (event.type === 'removed' ? event.name : undefined),
  keyOf: ({ name }) => name,
  namesOf: ({ id }) => [id],
  lines: (networks, { color, width }) => networkLines(networks, color, width),
  changeLine,
};

export async function run(context: Context): Promise<void> {
  await runListing(NETWORKS, context);
}

export function networkLines(
  networks: readonly Network[],
  color: boolean,
  width?: number,
): string[] {
  const [head = '', ...lines] = table(NETWORK_HEAD, networks.map(networkCells), width);
  const top = networks.length === 0 ? [] : [painter(color)('bold', head)];
  return [...top, ...lines, counted(networks.length, 'network')];
}

function changeLine(event: NetworkEvent): string {
  switch (event.type) {
    case 'present':
      return `+ ${networkCells(event.network).map(printable).join('  ')}`;
    case 'removed':
      return `- ${printable(event.name)}`;
    case 'complete':
      return '';
  }
}
