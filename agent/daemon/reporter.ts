/** The reconciler's deeds in log and metrics: one line for what changed, the entries themselves when they are few. */
import type { Logger } from 'pino';
import type { Operation, Outcome } from '../state/kernel.ts';
import type { Drift, Problem, Reporter } from '../state/reconciler.ts';
import { describe, keyOf, type Key, type Resource } from '../state/resource.ts';

/** More operations than this in one pass are logged as a count by kind. */
const SPELLED_OUT = 5;

export interface ReconcileCounters {
  operation(kind: string, action: string, result: string): void;
  repair(kind: string): void;
}

export class LoggingReporter implements Reporter {
  readonly #log: Logger;
  readonly #count: ReconcileCounters;
  #done: Operation[] = [];
  /** For `weft status`. */
  repairs = 0;

  readonly #changed: () => void;

  /** `changed` is called when a problem came or went. */
  constructor(log: Logger, count: ReconcileCounters, changed: () => void) {
    this.#log = log;
    this.#count = count;
    this.#changed = changed;
  }

  applied(operation: Operation, outcome: Outcome): void {
    this.#count.operation(resourceOf(operation).kind, operation.action, outcome.status);
    if (outcome.status === 'done') this.#done.push(operation);
  }

  passed(_operations: readonly Operation[], repairs: ReadonlyMap<Key, Drift>): void {
    const done = this.#done.splice(0);
    const isRepair = (operation: Operation): boolean => repairs.has(keyOf(resourceOf(operation)));
    const repaired = repairs.size === 0 ? [] : done.filter(isRepair);
    const changed = repairs.size === 0 ? done : done.filter((operation) => !isRepair(operation));
    this.repairs += repaired.length;
    for (const operation of repaired) this.#count.repair(resourceOf(operation).kind);
    this.#tell(changed, (operation) => ({ msg: VERBS[operation.action] }));
    this.#tell(repaired, (operation) => ({
      msg: 'repaired',
      drift: repairs.get(keyOf(resourceOf(operation))),
    }));
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

  #tell(
    operations: readonly Operation[],
    text: (operation: Operation) => { msg: string; drift?: Drift | undefined },
  ): void {
    if (operations.length > SPELLED_OUT) {
      const first = operations[0];
      const { drift } = first === undefined ? {} : text(first);
      const msg = drift === undefined ? 'programmed the kernel' : 'repaired';
      this.#log.info({ operations: countByKind(operations) }, msg);
      return;
    }
    for (const operation of operations) {
      const { msg, ...fields } = text(operation);
      this.#log.info({ ...fields, entry: describe(resourceOf(operation)) }, msg);
    }
  }
}

const VERBS = { create: 'added', change: 'changed', remove: 'removed' } as const;

function resourceOf(operation: Operation): Resource {
  return operation.desired ?? operation.actual;
}

/** `{ "create route": 500, … }` */
function countByKind(operations: readonly Operation[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const operation of operations) {
    const name = `${operation.action} ${resourceOf(operation).kind}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
