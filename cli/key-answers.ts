/** What the members said to a change of keys. */
import { WeftError } from '../controlplane/api/errors.ts';
import type { KeyAnswer } from '../controlplane/api/model.ts';
import { table } from './table.ts';
import { inOrder, painter } from './text.ts';

/** A table; `done` is the word for those that did it. */
export function answerLines(
  unsorted: readonly KeyAnswer[],
  done: string,
  color: boolean,
): string[] {
  const answers = unsorted.toSorted((a, b) => inOrder(a.member, b.member));
  const paint = painter(color);
  const rows = answers.map(({ member, ok, message }) => [
    member,
    [ok ? done : 'failed', message ?? ''].filter((text) => text !== '').join(': '),
  ]);
  const [head = '', ...lines] = table(['MEMBER', 'RESULT'], rows);
  return [
    ...(answers.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line, i) => (answers[i]?.ok === true ? line : paint('red', line))),
  ];
}

/** Throws WEFT_MEMBERS_FAILED unless every member did it. */
export function requireAll(answers: readonly KeyAnswer[]): void {
  const failed = answers.filter(({ ok }) => !ok).length;
  if (failed === 0) return;
  throw new WeftError(
    'WEFT_MEMBERS_FAILED',
    `${failed} of ${answers.length} members did not do it`,
    { fix: 'see to them, then do the same again: where it is done, it changes nothing' },
  );
}
