/** Follows what lies below a prefix: lists it, watches from there on, and begins again after an outage, ever more slowly. */
import { pauseBefore, sleep, type Backoff, type Clock, type Random } from '../state/clock.ts';
import { EtcdError } from './errors.ts';

const RECONNECT: Backoff = { first: 100, factor: 2, limit: 5_000 };

export interface FollowParts<Batch extends { readonly revision: number }> {
  /** Takes up all there is; resolves with the revision, which is an older one after a restore of etcd. */
  readonly list: () => Promise<number>;
  /** What changes from that revision on. Rejects with ETCD_COMPACTED when the list must be taken again. */
  readonly watch: (from: number, signal: AbortSignal) => AsyncIterable<Batch>;
  readonly changed: (batch: Batch) => void;
  /** Not called when the list must only be taken again. */
  readonly failed: (cause: unknown) => void;
  readonly clock: Clock;
  readonly random: Random;
}

/** Ends when `signal` is aborted. Never rejects. */
export async function follow<Batch extends { readonly revision: number }>(
  parts: FollowParts<Batch>,
  signal: AbortSignal,
): Promise<void> {
  const { clock, random } = parts;
  let revision: number | undefined;
  let standsSince: number | undefined;
  for (let failures = 0; !signal.aborted;) {
    try {
      revision ??= await parts.list();
      standsSince ??= clock.now();
      for await (const batch of parts.watch(revision + 1, signal)) {
        standsSince ??= clock.now();
        parts.changed(batch);
        revision = batch.revision;
      }
    } catch (cause) {
      if (signal.aborted) return;
      // One that breaks at once, again and again, is tried ever more slowly.
      const isSteady = standsSince !== undefined && clock.now() - standsSince > RECONNECT.limit;
      if (isSteady) failures = 0;
      if (cause instanceof EtcdError && cause.code === 'ETCD_COMPACTED') revision = undefined;
      else {
        standsSince = undefined;
        parts.failed(cause);
      }
      await sleep(clock, pauseBefore(failures++, RECONNECT, random), signal);
    }
  }
}
