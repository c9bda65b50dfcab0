/** `weft version`: of the command; the daemon's is in `weft status`. */
import { VERSION } from '../../controlplane/api/version.ts';
import type { Context } from '../io.ts';
import { printJson, printLines } from '../print.ts';

export async function run({ io, json }: Context): Promise<void> {
  if (json) printJson(io, { version: VERSION });
  else printLines(io, [VERSION]);
}
