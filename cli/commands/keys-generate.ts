/** `weft keys generate`: a key for gossip, as `serf keygen` makes them. Tells nobody. */
import { randomBytes } from 'node:crypto';
import type { Context } from '../io.ts';
import { printJson, printLines } from '../print.ts';

/** AES-256. */
const LENGTH = 32;

export async function run({ io, json }: Context): Promise<void> {
  const key = randomBytes(LENGTH).toString('base64');
  if (json) printJson(io, { key });
  else printLines(io, [key]);
}
