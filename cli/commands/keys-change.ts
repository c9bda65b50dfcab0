/** `weft key install|use|remove KEY`: on every member, with what became of it on each. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { KEY_ACTIONS, type KeyAction } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { answerLines, requireAll } from '../key-answers.ts';
import { printAnswer } from '../print.ts';

const DONE: Readonly<Record<KeyAction, string>> = {
  install: 'installed',
  use: 'used',
  remove: 'removed',
};

export async function run(context: Context): Promise<void> {
  const { color, command, words } = context;
  const action = KEY_ACTIONS.find((known) => known === command);
  const [key] = words;
  if (action === undefined || key === undefined)
    throw new WeftError('WEFT_USAGE', `there is no weft key ${command}`, {
      fix: 'see weft help key',
    });
  await withDaemon(context, async (client) => {
    const report = await client.changeKey(action, key);
    printAnswer(context, report, () => answerLines(report.answers, DONE[action], color));
    requireAll(report.answers);
  });
}
