/** `weft key ls`: which keys the members have. */
import type { KeyReport } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { answerLines, requireAll } from '../key-answers.ts';
import { printAnswer } from '../print.ts';
import { table } from '../table.ts';
import { counted, painter } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    const report = await client.keys();
    printAnswer(context, report, () => keyLines(report, context.color));
    requireAll(report.answers);
  });
}

function keyLines({ keys, answers }: KeyReport, color: boolean): string[] {
  const rows = keys.map(({ key, members, primary }) => [key, `${members}`, `${primary}`]);
  const [head = '', ...lines] = table(['KEY', 'MEMBERS', 'IN USE'], rows);
  const failed = answers.filter(({ ok }) => !ok);
  return [
    ...(keys.length === 0 ? [] : [painter(color)('bold', head), ...lines]),
    ...(failed.length === 0 ? [] : answerLines(failed, 'told', color)),
    `${counted(keys.length, 'key')} on ${counted(answers.length, 'member')}`,
  ];
}
