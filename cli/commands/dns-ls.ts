/** `weft dns ls`: every name of every network. */
import { WeftError } from '../../controlplane/api/errors.ts';
import type { NameEntry } from '../../controlplane/api/dns-model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { table } from '../table.ts';
import { counted, painter } from '../text.ts';

const HEAD = ['NAME', 'NETWORK', 'ADDRESS', 'KIND', 'HOST', 'TTL', 'PORTS'] as const;

export async function run(context: Context): Promise<void> {
  const { words } = context;
  await withDaemon(context, async (client) => {
    const all: NameEntry[] = [];
    for await (const entry of client.dns.names()) all.push(entry);
    const missing = words.find((word) => !all.some((entry) => isNamed(entry, word)));
    if (missing !== undefined)
      throw new WeftError('WEFT_NOT_FOUND', `there is no name ${missing}`, {
        fix: 'see weft dns ls',
      });
    const wanted = all.filter(
      (entry) => words.length === 0 || words.some((word) => isNamed(entry, word)),
    );
    const sorted = wanted.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
    printAnswer(context, sorted, () => linesOf(sorted, context));
  });
}

function isNamed({ name, network }: NameEntry, word: string): boolean {
  return word === name || word === `${name}.${network}`;
}

function orderOf({ network, name, address }: NameEntry): string {
  return [network, name, address].join(' ');
}

function linesOf(entries: readonly NameEntry[], { color, width }: Context): string[] {
  const rows = entries.map(({ name, network, address, kind, host, ttl, ports }) => [
    name,
    network,
    address,
    kind,
    host,
    String(ttl),
    ports.join(',') || '-',
  ]);
  const paint = painter(color);
  const [head = '', ...lines] = table(HEAD, rows, width);
  return [
    ...(entries.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => (entries[i]?.mine === true ? paint('green', line) : line)),
    counted(entries.length, 'record'),
  ];
}
