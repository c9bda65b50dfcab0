/** Whether a host that changes its WireGuard key may go on, by what its peers have done (ways.ts). Pure. */
import type { Lease, Rotation } from '../state/facts.ts';

/** A peer that is in session and does not come along for so long is not waited for any longer, in ms. */
const FOLLOW_LIMIT = 60_000;
/** A peer without a session may have none because nothing was sent: it has so long to make one, in ms. */
const GRACE = 20_000;

export type Verdict =
  | { readonly type: 'go on' }
  /** `late`: longer than should be. */
  | { readonly type: 'wait'; readonly for: string; readonly late: boolean }
  | { readonly type: 'give up'; readonly reason: string };

export interface Behind {
  readonly id: string;
  readonly inSession: boolean;
}

/**
 * `behind`: peers that have not come to the way aimed at; `elapsed`: in ms, since the phase began. On the way back nothing
 * can be taken back: whoever still sends by the detour is waited for.
 */
export function verdict(
  phase: Rotation['phase'],
  behind: Iterable<Behind>,
  elapsed: number,
): Verdict {
  for (const { id, inSession } of behind) {
    if (!inSession && elapsed >= GRACE) continue;
    const late = elapsed >= FOLLOW_LIMIT;
    if (!late || phase !== 'out') return { type: 'wait', for: id, late };
    return { type: 'give up', reason: `peer ${id} does not come along` };
  }
  return { type: 'go on' };
}

/** The first peer that would be cut off, if one would: flanneld knows nothing of a second device. */
export function flanneldIn(peers: ReadonlyMap<string, Lease>): string | undefined {
  for (const [id, { backendType, node }] of peers)
    if (backendType === 'wireguard' && node === undefined) return id;
  return undefined;
}

/** By this share of the time, at most, a change is put off, so that not all hosts change their keys at once. */
const SPREAD = 0.1;
/** One that is overdue is put off no longer, in ms. */
const OVERDUE_LIMIT = 3_600_000;

/** How long until a key of this age is to be changed, all in ms; `chance` in [0, 1). */
export function untilDue(age: number, every: number, chance: number): number {
  const spread = SPREAD * every * chance;
  return Math.max(every + spread - age, Math.min(spread, OVERDUE_LIMIT * chance));
}
