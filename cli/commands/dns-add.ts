/** `weft dns add NAME ADDRESS`: a static record. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { textOf } from '../parse.ts';
import { printAnswer } from '../print.ts';

const TTL_LIMIT = 2 ** 31 - 1;

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [name = '', address = ''] = words;
  const ttl = ttlIn(textOf(values, 'ttl'));
  await withDaemon(context, async (client) => {
    const entry = await client.dns.add({ name, address, ...(ttl === undefined ? {} : { ttl }) });
    printAnswer(context, entry, () => [
      `${entry.name}.${entry.network} is ${entry.address}, for ${entry.ttl} s`,
    ]);
  });
}

function ttlIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const ttl = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (ttl <= TTL_LIMIT) return ttl;
  throw new WeftError('WEFT_USAGE', `--ttl cannot be ${JSON.stringify(text)}`, {
    fix: `give a number of seconds, up to ${TTL_LIMIT}`,
  });
}
