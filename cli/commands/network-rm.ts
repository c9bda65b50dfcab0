/** `weft network rm NETWORK…`: one after the other, and no further than the first that is refused. */
import type { Network } from '../../controlplane/api/network-model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { printable } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    const removed: Network[] = [];
    for (const name of context.words) removed.push(await client.network.remove(name));
    printAnswer(context, removed, () => removed.map(({ name }) => `${printable(name)} is removed`));
  });
}
