/** Desired against actual, one key at a time, and the order in which operations are safe. */
import type { Operation } from './kernel.ts';
import { KINDS_IN_ORDER, same, type Kind, type Resource } from './resource.ts';

/** What must be done at one place, or undefined if all is well. */
export function diff(
  desired: Resource | undefined,
  actual: Resource | undefined,
): Operation | undefined {
  if (desired === undefined) return actual === undefined ? undefined : { action: 'remove', actual };
  if (actual === undefined) return { action: 'create', desired };
  return same(desired, actual) ? undefined : { action: 'change', desired, actual };
}

const RANK = new Map<Kind, number>(KINDS_IN_ORDER.map((kind, rank) => [kind, rank]));

/**
 * Creations and changes first, from the link up to the route; then removals, from the route down to the
 * link. So nothing is made before what it needs, and nothing is taken from under traffic before its
 * replacement stands. Routes into nowhere come before the first and go after the last, so that nothing meant for the
 * overlay follows another route meanwhile.
 */
export function inOrder(operations: readonly Operation[]): Operation[] {
  return [...operations].sort((a, b) => position(a) - position(b));
}

function position(operation: Operation): number {
  const resource = operation.desired ?? operation.actual;
  const isHole = resource.kind === 'route' && resource.type === 'blackhole';
  const rank = isHole ? -1 : (RANK.get(resource.kind) ?? 0);
  return operation.action === 'remove' ? 2 * KINDS_IN_ORDER.length - rank : rank;
}
