/** `weft key generate`: a key for gossip, as `serf keygen` makes them. Tells nobody. */
import { randomBytes } from 'node:crypto';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

/** AES-256. */
const LENGTH = 32;

export async function run(context: Context): Promise<void> {
  const key = randomBytes(LENGTH).toString('base64');
  printAnswer(context, { key }, () => [key]);
}
