/** `weft plan`: what would be done, what should be in the kernel, and what is. Changes nothing. */
import type { Plan, PlanOperation, PlanResource } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { painter, printable, type Paint, type Style } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    const plan = await client.plan();
    printAnswer(context, plan, () => planLines(plan, painter(context.color)));
  });
}

export function planLines({ operations, desired, actual }: Plan, paint: Paint): string[] {
  const head = (title: string, count: number): string => paint('bold', `${title} (${count})`);
  return [
    head('Operations', operations.length),
    ...(operations.length === 0
      ? [paint('green', '  none: the kernel is as desired')]
      : operations.map((operation) => operationLine(operation, paint))),
    head('Desired', desired.length),
    ...desired.map(resourceLine),
    head('Actual', actual.length),
    ...actual.map(resourceLine),
  ];
}

const SIGNS: Readonly<Partial<Record<string, readonly [sign: string, style: Style]>>> = {
  create: ['+', 'green'],
  change: ['~', 'yellow'],
  remove: ['-', 'red'],
};

function operationLine({ action, text }: PlanOperation, paint: Paint): string {
  // A newer daemon may know more actions.
  const [sign, style] = SIGNS[action] ?? [action, 'yellow'];
  return paint(style, `  ${sign} ${printable(text)}`);
}

function resourceLine({ text }: PlanResource): string {
  return `  ${printable(text)}`;
}
