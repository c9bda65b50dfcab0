/** The kernel as the reconciler sees it: dumped once, then followed by events. Implemented in `agent/kernel`. */
import type { Key, Resource } from './resource.ts';

/** What is to be done at one place. `actual` is what stands there now, as far as we know. */
export type Operation =
  | { readonly action: 'create'; readonly desired: Resource; readonly actual?: undefined }
  | { readonly action: 'change'; readonly desired: Resource; readonly actual: Resource }
  | { readonly action: 'remove'; readonly desired?: undefined; readonly actual: Resource };

export type Outcome =
  | { readonly status: 'done' }
  /** Somebody else's entry is in our place; it was left alone. `found` says what. */
  | { readonly status: 'conflict'; readonly found: string }
  /** `code` is an errno name (`ENODEV`) or a program's exit; `message` one sentence. */
  | { readonly status: 'failed'; readonly code: string; readonly message: string };

export type KernelEvent =
  /** Stands in the kernel now, made or changed by somebody else. */
  | { readonly type: 'present'; readonly resource: Resource }
  /** Gone from the kernel, by somebody else's hand. */
  | { readonly type: 'absent'; readonly key: Key }
  /** Something changed that events do not tell in full (lost events, silently flushed routes): dump again. */
  | { readonly type: 'unknown'; readonly reason: string };

export interface Kernel {
  /**
   * Everything that is ours, and everything on a link of ours, in slices small enough not to block the event
   * loop. `wanted`: names of links and paths of sysctls, so that what stands in their place is told though it is not ours.
   */
  dump(wanted: ReadonlySet<string>): AsyncIterable<readonly Resource[]>;

  /** Carries the operations out in this order; one outcome each, same order. Never rejects. */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]>;

  /** Starts to tell what changes from now on (our own operations excepted). Call before dump. */
  watch(listener: (event: KernelEvent) => void): void;

  close(): Promise<void>;
}
