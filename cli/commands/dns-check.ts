/** `weft dns check`: asks every host for every name, and tells who disagrees. */
import type { CheckProgress, Finding } from '../../controlplane/api/dns-model.ts';
import { withDaemon } from '../daemon.ts';
import { EXIT } from '../exit-code.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { table } from '../table.ts';
import { counted, painter } from '../text.ts';

const HEAD = ['NAME', 'HOST', 'SAYS', 'OWNER', 'OWNER SAYS'] as const;

/** 1 if anything was found. */
export async function run(context: Context): Promise<number> {
  let findings: readonly Finding[] = [];
  let progress: CheckProgress = { hosts: 0, answered: 0, names: 0 };
  await withDaemon(context, async (client) => {
    for await (const update of client.dns.check()) {
      progress = update;
      if (update.complete) ({ findings } = update);
      else tellProgress(progress, context);
    }
  });
  eraseProgress(context);
  printAnswer(context, findings, () => linesOf(findings, progress, context));
  return findings.length === 0 ? EXIT.ok : EXIT.failure;
}

/** On a terminal only, in one line that is written over. */
function tellProgress({ hosts, answered, names }: CheckProgress, { io }: Context): void {
  if (io.stderr.isTTY !== true) return;
  const text = `${answered} of ${counted(hosts, 'host')} asked for ${counted(names, 'name')}`;
  io.stderr.write(`\r\u001b[K${text}`);
}

function eraseProgress({ io }: Context): void {
  if (io.stderr.isTTY === true) io.stderr.write('\r\u001b[K');
}

function linesOf(
  findings: readonly Finding[],
  progress: CheckProgress,
  { color, width }: Context,
): string[] {
  const paint = painter(color);
  const wrong = findings.filter(({ kind }) => kind === 'disagrees');
  const [head = '', ...lines] = table(HEAD, wrong.map(rowOf), width);
  const silent = findings.filter(({ kind }) => kind === 'silent');
  const isMore = findings.some(({ kind }) => kind === 'more');
  return [
    ...(wrong.length === 0 ? [] : [paint('bold', head)]),
    ...lines.map((line) => paint('red', line)),
    ...silent.map(({ host, status }) => paint('red', `${host} ${status}`)),
    ...(isMore ? ['more names differ; only so many are looked at'] : []),
    summaryOf(wrong.length, progress),
  ];
}

function summaryOf(wrong: number, { hosts, answered, names }: CheckProgress): string {
  const who = answered === hosts ? counted(hosts, 'host') : `${answered} of ${hosts} hosts`;
  const what = wrong === 0 ? 'all agree' : counted(wrong, 'disagreement');
  return `${who} asked for ${counted(names, 'name')}: ${what}`;
}

function rowOf({ name = '', host = '', status, says, owners, ownerSays }: Finding): string[] {
  return [
    name,
    host,
    says.length > 0 ? says.join(',') : status,
    owners.length > 0 ? owners.join(',') : 'nobody',
    ownerSays.length > 0 ? ownerSays.join(',') : '-',
  ];
}
