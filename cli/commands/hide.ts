/** `weft hide [NETWORK]`: this host itself has no names any more. */
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const [network = ''] = context.words;
  await withDaemon(context, async (client) => {
    const detached = await client.endpoint.hide(network);
    printAnswer(context, { detached }, () => [detached ? 'hidden' : 'this host was not exposed']);
  });
}
