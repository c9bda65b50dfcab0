/** `weft network inspect NETWORK`: all that is known of one, and who is in it. */
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { withDaemon } from '../daemon.ts';
import { endpointCells } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { networkBlock } from '../network-text.ts';
import { printAnswer } from '../print.ts';
import { table } from '../table.ts';
import { inOrder } from '../text.ts';

export async function run(context: Context): Promise<void> {
  const [text = ''] = context.words;
  await withDaemon(context, async (client) => {
    const network = await client.network.get(text);
    const members: Endpoint[] = [];
    for await (const endpoint of client.endpoint.list())
      if (endpoint.network === network.name) members.push(endpoint);
    members.sort((a, b) => inOrder(`${a.host}/${a.id}`, `${b.host}/${b.id}`));
    printAnswer(context, { ...network, members }, () => [
      ...networkBlock(network),
      ...memberLines(members, context.width),
    ]);
  });
}

function memberLines(members: readonly Endpoint[], width: number | undefined): string[] {
  if (members.length === 0) return [];
  const head = ['NAME', 'ADDRESS', 'NETWORK', 'HOST', 'TARGET', 'STATE', 'ID'];
  return ['', ...table(head, members.map(endpointCells), width)];
}
