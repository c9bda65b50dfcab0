/** `weft endpoint ls`: every endpoint of every host. */
import {
  keyOfEndpoint,
  type Endpoint,
  type EndpointEvent,
} from '../../controlplane/api/endpoint-model.ts';
import { endpointCells } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { runListing, type Listing } from '../listing.ts';
import { table } from '../table.ts';
import { counted, painter, printable, type Style } from '../text.ts';

const ENDPOINTS: Listing<Endpoint, EndpointEvent> = {
  thing: 'endpoint',
  list: (client) => client.endpoint.list(),
  watch: (client) => client.endpoint.watch(),
  entryOf: (event) => (event.type === 'present' ? event.endpoint : undefined),
  goneKey: (event) => (event.type === 'removed' ? event.key : undefined),
  keyOf: keyOfEndpoint,
  namesOf: ({ id, names, host, target }) => [id, host, ...names, target ?? id],
  lines: (endpoints, { color, width }) => endpointLines(endpoints, color, width),
  changeLine,
};

export async function run(context: Context): Promise<void> {
  await runListing(ENDPOINTS, context);
}

const HEAD = ['NAME', 'ADDRESS', 'NETWORK', 'HOST', 'TARGET', 'STATE', 'ID'] as const;

function endpointLines(endpoints: readonly Endpoint[], color: boolean, width?: number): string[] {
  const paint = painter(color);
  const [head = '', ...lines] = table(HEAD, endpoints.map(endpointCells), width);
  return [
    ...(endpoints.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => {
      const style = styleOf(endpoints[i]);
      return style === undefined ? line : paint(style, line);
    }),
    counted(endpoints.length, 'endpoint'),
  ];
}

function styleOf(endpoint: Endpoint | undefined): Style | undefined {
  if (endpoint?.problem !== undefined) return 'red';
  if (endpoint?.state === 'away') return 'dim';
  return endpoint?.mine === true ? 'green' : undefined;
}

function changeLine(event: EndpointEvent): string {
  switch (event.type) {
    case 'present':
      return `+ ${endpointCells(event.endpoint).map(printable).join('  ')}`;
    case 'removed':
      return `- ${printable(event.key)}`;
    case 'complete':
      return '';
  }
}
