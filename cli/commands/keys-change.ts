/** `weft keys install|use|remove KEY`: on every member, with what became of it on each. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { KEY_ACTIONS, type KeyAction } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { answerLines, requireAll } from '../key-answers.ts';
import { printJson, printLines } from '../print.ts';

const DONE: Readonly<Record<KeyAction, string>> = {
  install: 'installed',
  use: 'used',
  remove: 'removed',
};

export async function run(context: Context): Promise<void> {
  const { io, json, color, command, words } = context;
  const action = KEY_ACTIONS.find((known) => known === command);
  const [key] = words;
  if (action === undefined || key === undefined)
    throw new WeftError('WEFT_USAGE', `there is no weft keys ${command}`, { fix: 'see weft keys' });
  await withDaemon(context, async (client) => {
    const report = await client.changeKey(action, key);
    if (json) printJson(io, report);
    else printLines(io, answerLines(report.answers, DONE[action], color));
    requireAll(report.answers);
  });
}
