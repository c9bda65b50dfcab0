/** Several drivers as one kernel: each operation goes to the driver of its kind. */
import type { Kernel, KernelEvent, Operation, Outcome } from '../state/kernel.ts';
import type { Kind, Resource } from '../state/resource.ts';

/** The kernel, as far as some kinds of resource go. */
export interface Driver extends Kernel {
  readonly kinds: ReadonlySet<Kind>;
}

/** No two drivers may have a kind in common. */
export function composeKernel(drivers: readonly Driver[]): Kernel {
  const byKind = new Map<Kind, Driver>();
  for (const driver of drivers) for (const kind of driver.kinds) byKind.set(kind, driver);
  const driverOf = ({ desired, actual }: Operation): Driver | undefined =>
    byKind.get((desired ?? actual).kind);
  return {
    async *dump(links: ReadonlySet<string>): AsyncIterable<readonly Resource[]> {
      for (const driver of drivers) yield* driver.dump(links);
    },
    apply: (operations) => applyInRuns(operations, driverOf),
    watch(listener: (event: KernelEvent) => void): void {
      for (const driver of drivers) driver.watch(listener);
    },
    async close(): Promise<void> {
      await Promise.all(drivers.map((driver) => driver.close()));
    },
  };
}

/** Operations that follow each other and are of one driver go to it together. */
async function applyInRuns(
  operations: readonly Operation[],
  driverOf: (operation: Operation) => Driver | undefined,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  let from = 0;
  while (from < operations.length) {
    const driver = driverOf(operations[from] as Operation);
    let to = from + 1;
    while (to < operations.length && driverOf(operations[to] as Operation) === driver) to++;
    const run = operations.slice(from, to);
    for (const outcome of driver === undefined ? run.map(unknownKind) : await driver.apply(run))
      outcomes.push(outcome);
    from = to;
  }
  return outcomes;
}

function unknownKind({ desired, actual }: Operation): Outcome {
  const message = `weft has no driver for ${(desired ?? actual).kind} here`;
  return { status: 'failed', code: 'ENOTSUP', message };
}
