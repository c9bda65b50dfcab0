/** `weft keys list`: which keys the members have. */
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { answerLines, requireAll } from '../key-answers.ts';
import { printJson, printLines } from '../print.ts';
import { table } from '../table.ts';
import { counted, painter } from '../text.ts';

export async function run(context: Context): Promise<void> {
  const { io, json, color } = context;
  await withDaemon(context, async (client) => {
    const report = await client.keys();
    const { keys, answers } = report;
    if (json) printJson(io, report);
    else {
      const rows = keys.map(({ key, members, primary }) => [key, `${members}`, `${primary}`]);
      const [head = '', ...lines] = table(['KEY', 'MEMBERS', 'IN USE'], rows);
      const failed = answers.filter(({ ok }) => !ok);
      printLines(io, [
        ...(keys.length === 0 ? [] : [painter(color)('bold', head), ...lines]),
        ...(failed.length === 0 ? [] : answerLines(failed, 'told', color)),
        `${counted(keys.length, 'key')} on ${counted(answers.length, 'member')}`,
      ]);
    }
    requireAll(answers);
  });
}
