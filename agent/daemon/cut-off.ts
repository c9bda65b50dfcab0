/**
 * Whether another network configuration may take the place of the running one. flanneld reads it at its start only, so
 * its hosts stay as they are while all of weft's change: a change that would cut them off counts only when forced.
 */
import { meshTypeOf, type Backend } from '../backend/backend.ts';
import { createBackend } from '../backend/backends.ts';
import type { Lease, NetworkConfig } from '../state/facts.ts';

/** Leases that the sentence names; the first tell the story. */
const NAMED = 3;

/**
 * Why `next` is not to follow `current`, in one sentence; undefined when it may. A lease is flanneld's when weft's own
 * field is not in it.
 */
export function refusalOf(
  current: NetworkConfig,
  next: NetworkConfig,
  leases: Iterable<readonly [key: string, lease: Lease]>,
): string | undefined {
  const before = createBackend(current.backend);
  const after = createdOrWhyNot(next);
  if (typeof after === 'string') return after;
  if (next.isForced === true || canMeet(before, after)) return undefined;
  const stranded = [...leases].flatMap(([key, lease]) =>
    lease.node === undefined && meshTypeOf(lease) === before.type ? key : [],
  );
  if (stranded.length === 0) return undefined;
  const named = stranded.slice(0, NAMED).join(', ');
  const keys = stranded.length > NAMED ? `${named} and ${stranded.length - NAMED} more` : named;
  const change =
    before.type === after.type
      ? `other options of ${before.type}`
      : `a change from ${before.type} to ${after.type}`;
  return `${change} would cut off the hosts that flanneld runs (${keys}): move them to weft, put the former configuration back, or force it with "Weft":{"Force":true}`;
}

function createdOrWhyNot({ backend }: NetworkConfig): Backend | string {
  try {
    return createBackend(backend);
  } catch (cause) {
    if (cause instanceof RangeError) return cause.message;
    throw cause;
  }
}

/** Whether weft has such a backend, with such options. */
export function isPossible(network: NetworkConfig): boolean {
  return typeof createdOrWhyNot(network) !== 'string';
}

/** Whether `next` is possible, and its hosts may not reach those of `current`. */
export function isOtherMesh(current: NetworkConfig, next: NetworkConfig): boolean {
  const after = createdOrWhyNot(next);
  return typeof after !== 'string' && !canMeet(createBackend(current.backend), after);
}

/**
 * Whether a host that ran `kept` goes on with it until `next` takes its place. Not when the ranges changed too: its lease
 * is another then, and there may be none left in the former ranges.
 */
export function mayResume(kept: NetworkConfig, next: NetworkConfig): boolean {
  return sameRanges(kept, next) && isOtherMesh(kept, next);
}

export function sameNetwork(one: NetworkConfig, other: NetworkConfig | undefined): boolean {
  const text = (network: NetworkConfig | undefined): string =>
    JSON.stringify([network?.ranges, network?.backend]);
  return text(one) === text(other);
}

export function sameRanges(one: NetworkConfig, other: NetworkConfig): boolean {
  return JSON.stringify(one.ranges) === JSON.stringify(other.ranges);
}

/** Whether a host of the one and a host of the other reach each other. */
function canMeet(before: Backend, after: Backend): boolean {
  const agreed = ({ agreed = {} }: Backend): string => JSON.stringify(agreed);
  return before.type === after.type && agreed(before) === agreed(after);
}
