/**
 * Commands of the network configuration as resources: one that stands was run, one that goes is undone. What they
 * bring about is beyond our sight, so a record of the runs stands for it. One command at a time, as scripts expect.
 */
import type { Operation, Outcome } from '../../state/kernel.ts';
import {
  keyOf,
  same,
  type Command,
  type Key,
  type Kind,
  type Resource,
} from '../../state/resource.ts';
import type { Driver } from '../kernel.ts';
import { bootId, readRecord, writeRecord } from './record.ts';
import { runCommand, type CommandEnd, type CommandRun } from './run.ts';

/** How long a pass may run commands, in ms: other work of the reconciler waits for it. The rest is tried later. */
const PASS_LIMIT = 30_000;

export interface CommandParts {
  /** The record. */
  readonly file: string;
  readonly boot?: string;
  readonly run?: (run: CommandRun) => Promise<CommandEnd>;
  /** In ms, never going back. */
  readonly now?: () => number;
}

export class CommandDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>(['command']);
  readonly #file: string;
  readonly #boot: string;
  readonly #run: (run: CommandRun) => Promise<CommandEnd>;
  readonly #now: () => number;
  #ran: Map<Key, Command> | undefined;

  constructor({ file, boot = bootId(), run = runCommand, now }: CommandParts) {
    this.#file = file;
    this.#boot = boot;
    this.#run = run;
    this.#now = now ?? (() => performance.now());
  }

  async *dump(): AsyncIterable<readonly Resource[]> {
    yield [...this.#record().values()];
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    const end = this.#now() + PASS_LIMIT;
    for (const operation of operations)
      outcomes.push(this.#now() < end ? await this.#applyOne(operation) : LATE);
    return outcomes;
  }

  /** Nobody else runs them. */
  watch(): void {}

  async close(): Promise<void> {}

  async #applyOne({ desired, actual }: Operation): Promise<Outcome> {
    const wanted = desired as Command | undefined;
    const ran = actual as Command | undefined;
    const end = wanted === undefined ? await this.#undo(ran) : await this.#do(wanted, ran);
    if (end.status === 'failed') return { status: 'failed', code: 'COMMAND', message: end.reason };
    return this.#note(keyOf((wanted ?? ran) as Command), wanted);
  }

  /** Only what undoes it being another, there is nothing to run. */
  #do(wanted: Command, ran: Command | undefined): Promise<CommandEnd> {
    const isDone = ran !== undefined && same({ ...ran, undo: wanted.undo }, wanted);
    return isDone || wanted.line === '' ? NOTHING : this.#run(wanted);
  }

  #undo(ran: Command | undefined): Promise<CommandEnd> {
    return ran === undefined || ran.undo === '' ? NOTHING : this.#run({ ...ran, line: ran.undo });
  }

  #note(key: Key, command: Command | undefined): Outcome {
    const record = this.#record();
    if (command === undefined) record.delete(key);
    else record.set(key, command);
    try {
      writeRecord(this.#file, this.#boot, [...record.values()]);
      return { status: 'done' };
    } catch (cause) {
      const message = `it was run, but ${this.#file} cannot be written: ${(cause as Error).message}`;
      return { status: 'failed', code: (cause as NodeJS.ErrnoException).code ?? 'EIO', message };
    }
  }

  #record(): Map<Key, Command> {
    this.#ran ??= new Map(
      readRecord(this.#file, this.#boot).map((command) => [keyOf(command), command]),
    );
    return this.#ran;
  }
}

const NOTHING: Promise<CommandEnd> = Promise.resolve({ status: 'done', output: '' });
const LATE: Outcome = {
  status: 'failed',
  code: 'COMMAND',
  message: 'it waits, as the commands before it took too long',
};
