/** `weft dns lookup NAME [TYPE]`: what DNS on this host answers. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { textOf } from '../parse.ts';
import { printAnswer } from '../print.ts';
import { printable } from '../text.ts';

const MEANINGS: Readonly<Record<string, string>> = {
  NXDOMAIN: 'there is no such name',
  SERVFAIL: 'no other server could tell',
  REFUSED: 'it is not asked for here',
};

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [name = '', type = ''] = words;
  const network = textOf(values, 'network') ?? '';
  await withDaemon(context, async (client) => {
    const found = await client.dns.lookUp({ name, type, network });
    const { status, answers } = found;
    if (!context.json && status !== 'NOERROR')
      throw new WeftError(
        'WEFT_NOT_FOUND',
        `${name}: ${MEANINGS[status] ?? 'no answer'} (${status})`,
      );
    printAnswer(context, found, () =>
      answers.length === 0
        ? ['no records of that type']
        : answers.map((record) =>
            printable(`${record.name}  ${record.ttl}  ${record.type}  ${record.data}`),
          ),
    );
  });
}
