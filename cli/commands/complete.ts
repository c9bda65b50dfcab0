/**
 * `weft complete -- WORD…`: what the last of these words may become, a line each: the word, a tab, a summary. `:files`
 * alone on a line: files too. With `--bash` the words are the whole line and the part that bash will replace.
 * Called by the scripts of `weft completion`, in whose terminals nothing may be said: without a daemon there are
 * no names, and never an error.
 */
import type { ControlClient } from '../../controlplane/api/client.ts';
import { propose, shellWords, type Candidate, type Proposal } from '../completion.ts';
import type { Context } from '../io.ts';
import { NOUNS } from '../nouns.ts';
import type { LiveName } from '../spec.ts';
import { printable } from '../text.ts';

/** Somebody waits at the keyboard. */
const PATIENCE_MS = 500;
/** More are of no use on a screen. */
const MOST_NAMES = 1000;

export async function run(context: Context): Promise<void> {
  const bash = context.values['bash'] === true;
  const [line = '', part = ''] = context.words;
  const words = bash ? shellWords(line).slice(1) : context.words;
  const typed = words.at(-1) ?? '';
  const proposal = propose(words, NOUNS);
  const { kept = '', files } = proposal;
  const all = [...proposal.candidates, ...(await liveNames(proposal, context))];
  const fitting = all
    .map(([word, summary]): Candidate => [`${kept}${word}`, summary])
    .filter(([word]) => word.startsWith(typed));
  const { stdout } = context.io;
  for (const [word, summary] of fitting) {
    if (bash) stdout.write(`${printable(replacement(word, typed, part))}\n`);
    else stdout.write(`${printable(word)}\t${printable(summary)}\n`);
  }
  if (files === true) stdout.write(':files\n');
}

/** Bash replaces only what follows the last of its own word breaks, : and = among them. */
function replacement(word: string, typed: string, part: string): string {
  return typed.endsWith(part) ? word.slice(typed.length - part.length) : word;
}

const LIVE: Readonly<Record<LiveName, (client: ControlClient) => AsyncIterable<Candidate>>> = {
  lease: async function* (client) {
    for await (const { key, node } of client.leases()) yield [key, node ?? ''];
  },
  member: async function* (client) {
    for await (const { name, status } of client.members()) yield [name, status];
  },
  endpoint: async function* (client) {
    for await (const { id, names, addresses } of client.endpoint.list())
      yield [names[0] ?? id, addresses.join(', ')];
  },
  network: async function* (client) {
    for await (const { name, subnets } of client.network.list())
      yield [name, subnets.map(({ subnet }) => subnet).join(', ')];
  },
  peer: async function* (client) {
    for await (const { key, host } of client.peers()) yield [host ?? key, key];
  },
};

async function liveNames(
  { live, socketPath }: Proposal,
  context: Context,
): Promise<readonly Candidate[]> {
  if (live === undefined) return [];
  const names: Candidate[] = [];
  try {
    const limits = { callLimitMs: PATIENCE_MS, listLimitMs: PATIENCE_MS };
    // Most presses of TAB need no daemon.
    const { connectControl } = await import('../../controlplane/api/client.ts');
    const client = await connectControl(socketPath ?? context.socketPath, limits);
    try {
      for await (const name of LIVE[live](client)) {
        names.push(name);
        if (names.length === MOST_NAMES) break;
      }
    } finally {
      client.close();
    }
  } catch {
    // Nothing to propose; what came before it stays.
  }
  return names;
}
