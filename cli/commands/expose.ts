/** `weft expose [NETWORK]`: this host itself has names. */
import { withDaemon } from '../daemon.ts';
import { attachedLine } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { listOf, textOf } from '../parse.ts';
import { printAnswer } from '../print.ts';
import { newId } from './attach.ts';

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [network = ''] = words;
  await withDaemon(context, async (client) => {
    const endpoint = await client.endpoint.expose({
      id: textOf(values, 'id') ?? newId(),
      network,
      names: listOf(values, 'name'),
    });
    printAnswer(context, endpoint, () => [attachedLine(endpoint)]);
  });
}
