/** `weft endpoint inspect ENDPOINT`: all that is known of one. */
import { withDaemon } from '../daemon.ts';
import { endpointBlock } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const [text = ''] = context.words;
  await withDaemon(context, async (client) => {
    const endpoint = await client.endpoint.get(text);
    printAnswer(context, endpoint, () => endpointBlock(endpoint));
  });
}
