/** `weft detach ENDPOINT`: by id, name or target. */
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const [endpoint = ''] = context.words;
  await withDaemon(context, async (client) => {
    const detached = await client.endpoint.detach(endpoint);
    printAnswer(context, { detached }, () => [detached ? 'detached' : 'there was none of that id']);
  });
}
