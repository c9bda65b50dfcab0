/** What each streaming call sends, as plain values in messages of bounded size. */
import { setTimeout } from 'node:timers/promises';
import type { ControlHandlers } from './handlers.ts';
import type {
  Key,
  KeyAnswer,
  KeyReport,
  Lease,
  Member,
  Peer,
  Plan,
  PlanOperation,
  PlanResource,
  RotationStep,
  Status,
} from './model.ts';
import { Pending } from './pending.ts';
import type { Told } from './repeats.ts';

/** Entries in one message. */
export const PAGE_LENGTH = 500;
/** Changed entries that may wait for one reader; about 10 MB. Above the largest network we support, so only what comes and goes fills it. */
const BACKLOG = 20_000;

/** Between two statuses of one watcher: while a thousand leases arrive, the status changes a thousand times. */
const STATUS_PAUSE_MS = 100;

export interface LeasePage {
  readonly leases: readonly Lease[];
}

export interface Progress {
  readonly removed: readonly string[];
  readonly complete: boolean;
}

export type LeaseUpdate = LeasePage & Progress;

export interface MemberPage {
  readonly members: readonly Member[];
}

export type MemberUpdate = MemberPage & Progress;

export interface PeerPage {
  readonly peers: readonly Peer[];
}

export type PeerUpdate = PeerPage & Progress;

export type KeyPage = Partial<KeyReport>;

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
  const watched: Watched<Lease> = {
    entries: () => handlers.leases(),
    watch: (present, removed) =>
      handlers.watchLeases((change) =>
        change.type === 'present' ? present(change.lease.key, change.lease) : removed(change.key),
      ),
  };
  for await (const { entries, ...progress } of updates(watched, signal))
    yield { leases: entries, ...progress };
}

export function* memberPages(handlers: ControlHandlers): Generator<MemberPage> {
  for (const members of pages(handlers.members())) yield { members };
}

export async function* memberUpdates(
  handlers: ControlHandlers,
  signal: AbortSignal,
): AsyncGenerator<MemberUpdate> {
  const watched: Watched<Member> = {
    entries: () => handlers.members(),
    watch: (present, removed) =>
      handlers.watchMembers((change) =>
        change.type === 'present'
          ? present(change.member.name, change.member)
          : removed(change.name),
      ),
  };
  for await (const { entries, ...progress } of updates(watched, signal))
    yield { members: entries, ...progress };
}

export function* peerPages(handlers: ControlHandlers): Generator<PeerPage> {
  for (const peers of pages(handlers.peers())) yield { peers };
}

export async function* peerUpdates(
  handlers: ControlHandlers,
  signal: AbortSignal,
): AsyncGenerator<PeerUpdate> {
  const watched: Watched<Peer> = {
    entries: () => handlers.peers(),
    watch: (present, removed) =>
      handlers.watchPeers((change) =>
        change.type === 'present' ? present(change.peer.key, change.peer) : removed(change.key),
      ),
  };
  for await (const { entries, ...progress } of updates(watched, signal))
    yield { peers: entries, ...progress };
}

export async function* keyPages(report: Promise<KeyReport>): AsyncGenerator<KeyPage> {
  const { keys, answers } = await report;
  for (const page of pages<Key>(keys)) yield { keys: page };
  for (const page of pages<KeyAnswer>(answers)) yield { answers: page };
}

/** Steps waiting for one reader; there are not so many. */
const STEP_LIMIT = 16;

export async function* rotationSteps(
  rotation: Told<RotationStep>,
  signal: AbortSignal,
): AsyncGenerator<RotationStep> {
  const steps = new Pending<RotationStep | 'end'>(STEP_LIMIT);
  const work = rotation
    .follow((step) => steps.put(step.step, step))
    .finally(() => steps.put('end', 'end'));
  // Awaited below, unless the reader goes first.
  work.catch(() => undefined);
  for (;;) {
    for (const step of (await steps.take(STEP_LIMIT, signal)) ?? []) {
      if (step === 'end') return await work;
      yield step;
    }
    if (signal.aborted) return;
  }
}

export interface Watched<T> {
  entries(): Iterable<T>;
  watch(present: (key: string, entry: T) => void, removed: (key: string) => void): () => void;
}

interface Update<T> extends Progress {
  readonly entries: readonly T[];
}

/** Everything there is in pages, a mark, then changes: of one entry always the latest. */
export async function* updates<T>(
  watched: Watched<T>,
  signal: AbortSignal,
): AsyncGenerator<Update<T>> {
  const pending = new Pending<{ readonly key: string; readonly entry?: T }>(BACKLOG);
  // Before the first set is walked: what changes meanwhile comes again after it.
  const stop = watched.watch(
    (key, entry) => pending.put(key, { key, entry }),
    (key) => pending.put(key, { key }),
  );
  try {
    for (const entries of pages(watched.entries())) yield { entries, removed: [], complete: false };
    yield { entries: [], removed: [], complete: true };
    for (;;) {
      const changes = await pending.take(PAGE_LENGTH, signal);
      if (changes === undefined) return;
      yield {
        entries: changes.flatMap(({ entry }) => (entry === undefined ? [] : [entry])),
        removed: changes.flatMap(({ key, entry }) => (entry === undefined ? [key] : [])),
        complete: false,
      };
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

export function* pages<T>(entries: Iterable<T>): Generator<T[]> {
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
