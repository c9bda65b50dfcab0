/** `weft version`: of the command; the daemon's is in `weft status`. */
import { VERSION } from '../../controlplane/api/version.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  printAnswer(context, { version: VERSION }, () => [VERSION]);
}
