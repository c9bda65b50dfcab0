/** `weft dns enable-host`: what makes this host itself ask weft for names, and with --yes makes it so. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { withDaemon } from '../daemon.ts';
import { EXIT } from '../exit-code.ts';
import { findFiles, make, perform } from '../host-resolver-io.ts';
import {
  planDisable,
  planEnable,
  type Answering,
  type Change,
  type HostPlan,
} from '../host-resolver.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';

type Plan = Exclude<HostPlan, { readonly way: 'refused' }>;

/** 1 if what makes the change count failed. */
export async function run(context: Context): Promise<number> {
  const { values } = context;
  const isUndo = values['undo'] === true;
  // weftd need not run for things to be as before.
  const plan = accepted(
    isUndo ? planDisable(findFiles()) : planEnable(findFiles(), await answeringOf(context)),
  );
  const isWanted = values['yes'] === true && plan.changes.length > 0;
  if (isWanted) for (const change of plan.changes) make(change);
  const { command } = plan;
  const isDone = !isWanted || command === undefined || perform(command);
  const changes = plan.changes.map(({ path, text }) => ({
    path,
    action: text === undefined ? 'remove' : 'write',
    ...(text === undefined ? {} : { text }),
  }));
  const answer = {
    way: plan.way,
    made: isWanted,
    changes,
    ...(command === undefined ? {} : { command: command.join(' ') }),
  };
  printAnswer(context, answer, () => linesOf(plan, { isUndo, isWanted, isDone }));
  return isDone ? EXIT.ok : EXIT.failure;
}

async function answeringOf(context: Context): Promise<Answering> {
  let answering: Answering | undefined;
  await withDaemon(context, async (client) => {
    const { domain, addresses } = await client.dns.hostDns();
    const [, host = '', port = ''] = /^\[?([^\]]+)\]?:(\d+)$/.exec(addresses[0] ?? '') ?? [];
    if (host !== '') answering = { domain, address: host, port: Number(port) };
  });
  if (answering !== undefined) return answering;
  throw new WeftError('WEFT_NOT_FOUND', 'weftd answers this host nowhere', {
    fix: 'give it a --dns-bind ADDRESS and restart it',
  });
}

function accepted(plan: HostPlan): Plan {
  if (plan.way !== 'refused') return plan;
  throw new WeftError('WEFT_FAILED', plan.why, { fix: plan.fix });
}

function linesOf(
  { way, changes, command }: Plan,
  { isUndo, isWanted, isDone }: { isUndo: boolean; isWanted: boolean; isDone: boolean },
): string[] {
  const whom = way === 'resolved' ? 'systemd-resolved' : 'the servers of /etc/resolv.conf';
  if (changes.length === 0)
    return [isUndo ? 'nothing is there to be undone' : `this host asks weft already, by ${whom}`];
  const then = command === undefined ? [] : [`then: ${command.join(' ')}`];
  if (!isWanted)
    return [
      `this host asks ${whom}; for ${isUndo ? 'things to be as before' : 'it to ask weft'}:`,
      '',
      ...changes.flatMap(linesOfChange),
      ...then,
      `weft dns enable-host${isUndo ? ' --undo' : ''} --yes does it`,
    ];
  return [
    ...changes.map(({ path, text }) => `${path} is ${text === undefined ? 'gone' : 'written'}`),
    ...(isDone ? [] : [`${command?.join(' ')} failed: do it yourself`]),
    isUndo ? 'this host asks as before' : 'this host asks weft',
  ];
}

function linesOfChange({ path, text, backup }: Change): string[] {
  if (text === undefined) return [`${path} is removed`, ''];
  const kept = backup === undefined ? '' : ` (as it is now, it is kept in ${backup})`;
  const lines = text.trimEnd().split('\n');
  return [`${path} becomes${kept}:`, '', ...lines.map((line) => `  ${line}`.trimEnd()), ''];
}
