/** `weft dns rm NAME [ADDRESS]`: static records of this host go. */
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { textOf } from '../parse.ts';
import { printAnswer } from '../print.ts';
import { counted } from '../text.ts';

export async function run(context: Context): Promise<void> {
  const [name = '', address = ''] = context.words;
  const id = textOf(context.values, 'id') ?? '';
  await withDaemon(context, async (client) => {
    const removed = await client.dns.remove({ name, address, id });
    printAnswer(context, { removed }, () => [`${counted(removed, 'record')} removed`]);
  });
}
