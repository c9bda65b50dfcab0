/** The reconciler's deeds in log and metrics: one line for what changed, the entries themselves when they are few. */
import type { Logger } from 'pino';
import type { Operation, Outcome } from '../state/kernel.ts';
import type { Drift, Problem, Reporter } from '../state/reconciler.ts';
import { describe, type Resource } from '../state/resource.ts';

/** More operations than this are logged as a count by kind. */
const SPELLED_OUT = 5;

export interface ReconcileCounters {
  operation(kind: string, action: string, result: string): void;
  repair(kind: string): void;
}

export class LoggingReporter implements Reporter {
  readonly #log: Logger;
  readonly #count: ReconcileCounters;
  readonly #changed: () => void;
  readonly #listeners: ((resource: Resource) => void)[] = [];
  readonly #changes = new Tally();
  readonly #repairs = new Tally();
  /** For `weft status`. */
  repairs = 0;

  /** `changed` is called when a problem came or went. */
  constructor(log: Logger, count: ReconcileCounters, changed: () => void) {
    this.#log = log;
    this.#count = count;
    this.#changed = changed;
  }

  /** Calls back with what was made or changed again after somebody else's deed, for good. */
  onRepair(listener: (resource: Resource) => void): void {
    this.#listeners.push(listener);
  }

  applied(operation: Operation, outcome: Outcome, drift: Drift | undefined): void {
    const { kind } = operation.desired ?? operation.actual;
    this.#count.operation(kind, operation.action, outcome.status);
    if (outcome.status !== 'done') return;
    if (drift === undefined) {
      this.#changes.add(operation, { msg: VERBS[operation.action] });
      return;
    }
    this.#repairs.add(operation, { msg: 'repaired', drift });
    this.#count.repair(kind);
    this.repairs++;
    const { desired } = operation;
    if (desired !== undefined) for (const listener of this.#listeners) listener(desired);
  }

  settled(): void {
    this.#tell(this.#changes, 'programmed the kernel');
    this.#tell(this.#repairs, 'repaired');
  }

  problem({ key, code, message }: Problem): void {
    this.#log.warn({ key, code }, message);
    this.#changed();
  }

  solved({ key, code }: Problem): void {
    this.#log.info({ key, code }, 'solved');
    this.#changed();
  }

  resync(reason: string): void {
    this.#log.info({ reason }, 'reading the kernel again');
  }

  #tell(tally: Tally, many: string): void {
    const { lines, size, counts } = tally.take();
    if (size > lines.length) this.#log.info({ operations: counts, first: lines[0]?.entry }, many);
    else for (const { msg, ...fields } of lines) this.#log.info(fields, msg);
  }
}

const VERBS = { create: 'added', change: 'changed', remove: 'removed' } as const;

interface Line {
  readonly msg: string;
  readonly entry?: string;
  readonly drift?: Drift;
}

/** Operations since the last line: each while they are few, only their number when they are many. */
class Tally {
  #counts: Record<string, number> = {};
  #lines: Line[] = [];
  #size = 0;

  add(operation: Operation, line: Line): void {
    const resource = operation.desired ?? operation.actual;
    const name = `${operation.action} ${resource.kind}`;
    this.#counts[name] = (this.#counts[name] ?? 0) + 1;
    if (++this.#size <= SPELLED_OUT) this.#lines.push({ ...line, entry: describe(resource) });
  }

  /** `lines` are the first SPELLED_OUT of `size`; `counts` as in `{ "create route": 500 }`. Begins anew. */
  take(): {
    readonly lines: readonly Line[];
    readonly size: number;
    readonly counts: Readonly<Record<string, number>>;
  } {
    const taken = { lines: this.#lines, size: this.#size, counts: this.#counts };
    [this.#lines, this.#size, this.#counts] = [[], 0, {}];
    return taken;
  }
}
