/**
 * Makes the kernel hold what is desired. It keeps a mirror of the kernel (a dump, then events), marks keys
 * dirty when either side changes, and works through the dirty ones in passes:
 *
 *     events ──► mirror ─┐
 *                        ├─► dirty keys ──► diff ──► operations ──► kernel ──► mirror
 *     slices ──► desired ┘
 *
 * One loop does everything in turn, so an operation and a dump never overlap, and an event that arrives
 * while operations are under way is looked at after their outcome. That may show an older truth than the
 * kernel's; every operation is idempotent, so the next pass settles it.
 */
import { Attempts } from './attempts.ts';
import { pauseBefore, type Backoff, type Clock, type Random } from './clock.ts';
import { DesiredState } from './desired.ts';
import { diff, inOrder } from './diff.ts';
import type { Kernel, KernelEvent, Operation, Outcome } from './kernel.ts';
import {
  describe,
  keyOf,
  linkKey,
  linkOf,
  mayCarry,
  same,
  type Key,
  type Resource,
} from './resource.ts';

/** Keys looked at in one pass: small enough that diff and encoding stay within a few ms. */
const PASS_LIMIT = 512;
/** Events kept while a pass runs; beyond it they are dropped and the kernel is dumped again instead. */
const EVENT_LIMIT = 8192;
/** From a first event to looking at it, in ms: one deed makes several, and a link's own end is told last. */
const GATHER = 20;
/** When the kernel could not be read. */
const RETRY: Backoff = { first: 500, factor: 2, limit: 30_000 };

const CONTESTED = 'CONTESTED_BY_ANOTHER_PROGRAM';

/** Something that is not as it should be, and stays so for now. */
export interface Problem {
  readonly key: Key;
  /** An errno name, `CONFLICT`, or `CONTESTED_BY_ANOTHER_PROGRAM`. */
  readonly code: string;
  readonly message: string;
}

/** Told what was done; for logs and metrics. */
export interface Reporter {
  /** `drift`: what somebody else had done there, if the operation undid it. */
  applied(operation: Operation, outcome: Outcome, drift: Drift | undefined): void;
  /** Nothing is left to be done for now. */
  settled(): void;
  /** A problem is new, or its text changed. */
  problem(problem: Problem): void;
  solved(problem: Problem): void;
  resync(reason: string): void;
}

/** What somebody else did to an entry of ours. */
export type Drift = 'removed' | 'changed' | 'added';

export interface ReconcilerParts {
  readonly kernel: Kernel;
  readonly clock: Clock;
  readonly random: Random;
  readonly report: Reporter;
}

export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #desired = new DesiredState();
  readonly #mirror = new Map<Key, Resource>();
  readonly #dirty = new Set<Key>();
  readonly #drift = new Map<Key, Drift>();
  readonly #attempts: Attempts;
  readonly #problems = new Map<Key, Problem>();
  #events: KernelEvent[] = [];
  #dumpReason: string | undefined = 'start';
  #dumpFailures = 0;
  #started = false;
  /** The first dump was read: what differs from now on is drift. */
  #adopted = false;
  #running = false;
  #stopped = false;
  #cancelGathering: (() => void) | undefined;
  #idle: (() => void)[] = [];
  /** Those who wait for some keys; as many as there are calls of `tried`. */
  #waiting: { readonly isTried: () => boolean; readonly resolve: () => void }[] = [];

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
    const retry = (key: Key): void => {
      this.#dirty.add(key);
      this.#wake();
    };
    const calm = (key: Key): void => {
      if (this.#problems.get(key)?.code === CONTESTED) this.#solve(key);
    };
    this.#attempts = new Attempts({ ...parts, retry, calm });
  }

  /** Replaces what one slice wants; the kernel follows. Cost: the slice's size. */
  set(slice: string, resources: readonly Resource[]): void {
    for (const key of this.#desired.set(slice, resources)) this.#mark(key);
    this.#wake();
  }

  /** Begins to follow the kernel and to act. Until then `set` only collects. */
  start(): void {
    this.#parts.kernel.watch((event) => this.#onEvent(event));
    this.#started = true;
    this.#wake();
  }

  /** Reads the kernel once and returns what would be done, in order; nothing is changed. */
  async plan(): Promise<readonly Operation[]> {
    if (!this.#adopted) await this.#dump();
    const operations: Operation[] = [];
    for (const key of this.#everyKey()) {
      const operation = diff(this.#desired.get(key), this.#mirror.get(key));
      if (operation !== undefined) operations.push(operation);
    }
    return inOrder(operations);
  }

  /** Resolves when every dirty key was tried: the kernel is as desired, but for `problems()`. */
  async settled(): Promise<void> {
    if (!this.#running && !this.#hasWork()) return;
    this.#wake();
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /**
   * Resolves when each of these keys was tried since it was set: with the problems there are at them. At once with none
   * before `start`, and when this is stopped.
   */
  async tried(keys: readonly Key[]): Promise<readonly Problem[]> {
    const isTried = (): boolean => !keys.some((key) => this.#dirty.has(key));
    if (this.#started && !this.#stopped && (this.#running || !isTried())) {
      this.#wake();
      await new Promise<void>((resolve) => this.#waiting.push({ isTried, resolve }));
    }
    return keys.flatMap((key) => this.#problems.get(key) ?? []);
  }

  /** Stops acting; the kernel keeps what it has. Resolves when the operations under way are done. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#attempts.stop();
    this.#cancelGathering?.();
    if (this.#running) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  desired(): Iterable<Resource> {
    return [...this.#desired.entries()].map(([, resource]) => resource);
  }

  actual(): Iterable<Resource> {
    return this.#mirror.values();
  }

  problems(): readonly Problem[] {
    const contested = [...this.#desired.contested()].map((key) => ({
      key,
      code: 'CLAIMED_TWICE',
      message: `two leases claim ${key}; the first keeps it: see weft leases`,
    }));
    return [...this.#problems.values(), ...contested];
  }

  // ---- marking ----

  #mark(key: Key): void {
    this.#attempts.forget(key);
    this.#dirty.add(key);
  }

  #onEvent(event: KernelEvent): void {
    if (this.#events.length >= EVENT_LIMIT) {
      this.#events = [];
      this.#dumpReason = `more than ${EVENT_LIMIT} kernel events at once`;
    } else this.#events.push(event);
    if (!this.#running)
      this.#cancelGathering ??= this.#parts.clock.after(GATHER, () => this.#wake());
  }

  #digest(events: readonly KernelEvent[]): void {
    for (const event of events) {
      if (event.type === 'unknown') this.#dumpReason = event.reason;
      else if (event.type === 'present') this.#observe(keyOf(event.resource), event.resource);
      else this.#observe(event.key, undefined);
    }
  }

  /** The kernel holds `actual` at `key`; what differs from the mirror is somebody else's doing. */
  #observe(key: Key, actual: Resource | undefined): void {
    const known = this.#mirror.get(key);
    if (actual === undefined ? known === undefined : known !== undefined && same(known, actual)) {
      // A foreign entry in our place was never in the mirror: its going is a chance to try again.
      const isInTheWay = this.#problems.has(key) && !this.#isContested(key);
      if (actual === undefined && isInTheWay) this.#mark(key);
      return;
    }
    if (actual === undefined) this.#mirror.delete(key);
    else this.#mirror.set(key, actual);
    if (actual?.kind === 'link' && known === undefined) this.#markDependents(actual.name);
    if (diff(this.#desired.get(key), actual) === undefined) return;
    this.#drift.set(
      key,
      actual === undefined ? 'removed' : known === undefined ? 'added' : 'changed',
    );
    if (this.#mayRepairNow(key)) this.#dirty.add(key);
  }

  #mayRepairNow(key: Key): boolean {
    const verdict = this.#attempts.struck(key);
    if (verdict === 'contested')
      this.#raise(key, CONTESTED, `${key} is changed again and again by another program`);
    return verdict === 'now';
  }

  /** A link is there now: what needs it can be tried. Scans all that is desired; links come seldom. */
  #markDependents(link: string): void {
    for (const [key, resource] of this.#desired.entries()) {
      if (linkOf(resource) === link) this.#dirty.add(key);
    }
  }

  // ---- the loop ----

  #hasWork(): boolean {
    return this.#dumpReason !== undefined || this.#events.length > 0 || this.#dirty.size > 0;
  }

  #wake(): void {
    if (this.#running || this.#stopped || !this.#started) return;
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    this.#running = true;
    void this.#loop();
  }

  async #loop(): Promise<void> {
    // Slices that are set one after the other in one turn of the event loop share a pass.
    await Promise.resolve();
    while (!this.#stopped && this.#hasWork()) {
      if (this.#dumpReason === undefined || (await this.#resync())) {
        this.#digest(this.#events.splice(0));
        await this.#pass();
        this.#answer((each) => each.isTried());
      } else break;
    }
    this.#running = false;
    this.#parts.report.settled();
    this.#answer(() => true);
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #answer(isDue: (each: { readonly isTried: () => boolean }) => boolean): void {
    const due = this.#waiting.filter(isDue);
    if (due.length === 0) return;
    this.#waiting = this.#waiting.filter((each) => !due.includes(each));
    for (const { resolve } of due) resolve();
  }

  /** False when the kernel could not be read; it is tried again later. */
  async #resync(): Promise<boolean> {
    const reason = this.#dumpReason ?? '';
    this.#dumpReason = undefined;
    if (this.#adopted) this.#parts.report.resync(reason);
    try {
      await this.#dump();
      this.#dumpFailures = 0;
      return true;
    } catch (cause) {
      this.#dumpReason = `${reason}; reading the kernel failed: ${String(cause)}`;
      const pause = pauseBefore(this.#dumpFailures++, RETRY, this.#parts.random);
      this.#parts.clock.after(pause, () => this.#wake());
      return false;
    }
  }

  async #dump(): Promise<void> {
    const unseen = new Set(this.#mirror.keys());
    for await (const slice of this.#parts.kernel.dump(this.#wanted())) {
      for (const resource of slice) {
        const key = keyOf(resource);
        unseen.delete(key);
        if (this.#adopted) this.#observe(key, resource);
        else this.#adopt(key, resource);
      }
    }
    for (const key of unseen) this.#observe(key, undefined);
    this.#adopted = true;
  }

  #adopt(key: Key, actual: Resource): void {
    const desired = this.#desired.get(key);
    if (desired !== undefined && same(desired, actual)) {
      this.#mirror.set(key, desired);
      return;
    }
    this.#mirror.set(key, actual);
    this.#dirty.add(key);
  }

  #wanted(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const [, resource] of this.#desired.entries()) {
      if (resource.kind === 'link') names.add(resource.name);
      // With a link of its own, that tells it.
      if (resource.kind === 'sysctl' && resource.link === undefined) names.add(resource.path);
    }
    return names;
  }

  async #pass(): Promise<void> {
    const keys = new Map<Operation, Key>();
    const operations = inOrder(this.#takeOperations(keys));
    if (operations.length === 0) return;
    const outcomes = await this.#parts.kernel.apply(operations);
    operations.forEach((operation, i) => {
      const outcome = outcomes[i] ?? { status: 'failed', code: 'EIO', message: 'no outcome' };
      const drift = this.#conclude(keys.get(operation) as Key, operation, outcome);
      this.#parts.report.applied(operation, outcome, drift);
    });
  }

  /** Notes the key of each: the string there is, as 30,000 copies of them would be kept. */
  #takeOperations(keys: Map<Operation, Key>): Operation[] {
    const operations: Operation[] = [];
    for (const key of this.#dirty) {
      if (operations.length >= PASS_LIMIT) break;
      this.#dirty.delete(key);
      const desired = this.#desired.get(key);
      const operation = diff(desired, this.#mirror.get(key));
      if (operation === undefined) this.#forget(key);
      else if (!this.#awaitsLink(desired, operations)) {
        operations.push(operation);
        keys.set(operation, key);
      }
    }
    return operations;
  }

  /** What needs a link that is not there is not tried: #markDependents brings it back when the link comes. */
  #awaitsLink(desired: Resource | undefined, operations: readonly Operation[]): boolean {
    const link = desired === undefined ? undefined : linkOf(desired);
    if (link === undefined) return false;
    const key = linkKey(link);
    const isOurs = this.#desired.get(key) !== undefined;
    if (!isOurs || this.#mirror.has(key)) return false;
    return !operations.some(({ desired }) => desired?.kind === 'link' && desired.name === link);
  }

  /** Returns the drift that was undone, if any. */
  #conclude(key: Key, operation: Operation, outcome: Outcome): Drift | undefined {
    const resource = operation.desired ?? operation.actual;
    if (outcome.status !== 'done') {
      this.#fail(key, resource, outcome);
      return undefined;
    }
    if (operation.desired === undefined) {
      this.#mirror.delete(key);
      this.#attempts.forget(key);
    } else this.#mirror.set(key, operation.desired);
    if (operation.desired?.kind === 'link') this.#markDependents(operation.desired.name);
    // A link that was made anew or taken away took other entries with it.
    if (resource.kind === 'link' && mayCarry(resource) && operation.action !== 'create')
      this.#dumpReason = `${key} changed`;
    const drift = this.#drift.get(key);
    this.#forget(key);
    // The wish may have changed while the operation was under way.
    if (diff(this.#desired.get(key), this.#mirror.get(key)) !== undefined) this.#dirty.add(key);
    return drift;
  }

  #fail(key: Key, resource: Resource, outcome: Exclude<Outcome, { status: 'done' }>): void {
    const link = linkOf(resource);
    // Its end has happened, and will be told.
    if (outcome.status === 'failed' && outcome.code === 'ENODEV' && link !== undefined)
      this.#observe(linkKey(link), undefined);
    // Its link's own failure is told; #markDependents brings this one back.
    if (this.#awaitsLink(this.#desired.get(key), [])) return;
    if (outcome.status === 'conflict') {
      const what = `${describe(resource)} cannot be set: ${outcome.found} stands in its place and is not weft's`;
      this.#raise(key, 'CONFLICT', `${what}; remove it, or move it`);
    } else {
      this.#raise(key, outcome.code, `${describe(resource)}: ${outcome.message}`);
    }
    this.#attempts.failed(key);
  }

  /** Nothing to do at `key`: whatever was wrong there is over. */
  #forget(key: Key): void {
    this.#drift.delete(key);
    this.#attempts.succeeded(key);
    if (!this.#isContested(key)) this.#solve(key);
  }

  #isContested(key: Key): boolean {
    return this.#problems.get(key)?.code === CONTESTED && this.#attempts.isContested(key);
  }

  #raise(key: Key, code: string, message: string): void {
    if (this.#problems.get(key)?.message === message) return;
    const problem = { key, code, message };
    this.#problems.set(key, problem);
    this.#parts.report.problem(problem);
  }

  #solve(key: Key): void {
    const problem = this.#problems.get(key);
    if (problem === undefined) return;
    this.#problems.delete(key);
    this.#parts.report.solved(problem);
  }

  *#everyKey(): Iterable<Key> {
    for (const [key] of this.#desired.entries()) yield key;
    for (const key of this.#mirror.keys()) if (this.#desired.get(key) === undefined) yield key;
  }
}
