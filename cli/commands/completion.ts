/** `weft completion SHELL`: prints a script for that shell. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { SCRIPTS } from '../completion-scripts.ts';
import type { Context } from '../io.ts';
import { SHELLS } from '../nouns/completion.ts';

export async function run({ io, words }: Context): Promise<void> {
  const shell = SHELLS.find((known) => known === words[0]);
  if (shell === undefined) {
    throw new WeftError('WEFT_USAGE', `there is no completion for ${JSON.stringify(words[0])}`, {
      fix: `name one of ${SHELLS.join(', ')}`,
    });
  }
  io.stdout.write(SCRIPTS[shell]);
}
