/** What each streaming call sends, as plain values in messages of bounded size. */
import { setTimeout } from 'node:timers/promises';
import type { ControlHandlers } from './handlers.ts';
import type { Lease, LeaseChange, Plan, PlanOperation, PlanResource, Status } from './model.ts';
import { Pending } from './pending.ts';

/** Entries in one message. */
export const PAGE_LENGTH = 500;
/** Changed leases that may wait for one reader; about 10 MB. Above the largest network we support, so only leases that come and go fill it. */
const LEASE_BACKLOG = 20_000;

/** Between two statuses of one watcher: while a thousand leases arrive, the status changes a thousand times. */
const STATUS_PAUSE_MS = 100;

export interface LeasePage {
  readonly leases: readonly Lease[];
}

export interface LeaseUpdate extends LeasePage {
  readonly removed: readonly string[];
  readonly complete: boolean;
}

export type PlanPage = Partial<Plan>;

/** The status now, and again after it has changed: always the latest, so one that reads slowly misses only what is no more. */
export async function* statuses(
  handlers: ControlHandlers,
  signal: AbortSignal,
): AsyncGenerator<Status> {
  const changed = new Pending<true>(1);
  const stop = handlers.watchStatus(() => changed.put('status', true));
  try {
    do {
      yield handlers.status();
      await pause(STATUS_PAUSE_MS, signal);
    } while ((await changed.take(1, signal)) !== undefined);
  } finally {
    stop();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  // Rejects when aborted; take() then says so.
  await setTimeout(ms, undefined, { signal }).catch(() => undefined);
}

export function* leasePages(handlers: ControlHandlers): Generator<LeasePage> {
  for (const leases of pages(handlers.leases())) yield { leases };
}

export async function* leaseUpdates(
  handlers: ControlHandlers,
  signal: AbortSignal,
): AsyncGenerator<LeaseUpdate> {
  const pending = new Pending<LeaseChange>(LEASE_BACKLOG);
  // Before the first set is walked: what changes meanwhile comes again after it.
  const stop = handlers.watchLeases((change) => pending.put(keyOf(change), change));
  try {
    for (const leases of pages(handlers.leases())) yield { leases, removed: [], complete: false };
    yield { leases: [], removed: [], complete: true };
    for (;;) {
      const changes = await pending.take(PAGE_LENGTH, signal);
      if (changes === undefined) return;
      yield updateOf(changes);
    }
  } finally {
    stop();
  }
}

export async function* planPages(handlers: ControlHandlers): AsyncGenerator<PlanPage> {
  const plan = await handlers.plan();
  for (const desired of pages<PlanResource>(plan.desired)) yield { desired };
  for (const actual of pages<PlanResource>(plan.actual)) yield { actual };
  for (const operations of pages<PlanOperation>(plan.operations)) yield { operations };
}

function keyOf(change: LeaseChange): string {
  return change.type === 'present' ? change.lease.key : change.key;
}

function updateOf(changes: readonly LeaseChange[]): LeaseUpdate {
  return {
    leases: changes.flatMap((change) => (change.type === 'present' ? [change.lease] : [])),
    removed: changes.flatMap((change) => (change.type === 'removed' ? [change.key] : [])),
    complete: false,
  };
}

function* pages<T>(entries: Iterable<T>): Generator<T[]> {
  let page: T[] = [];
  for (const entry of entries) {
    page.push(entry);
    if (page.length === PAGE_LENGTH) {
      yield page;
      page = [];
    }
  }
  if (page.length > 0) yield page;
}
