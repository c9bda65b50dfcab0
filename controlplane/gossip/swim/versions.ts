/** Whether two clusters speak protocols that all their members understand (specification §11). */
import type { NodeRecord } from '../codec/index.ts';
import type { Member } from './member.ts';

interface Versioned {
  readonly alive: boolean;
  readonly vsn: Uint8Array;
}

/** Why not, in a sentence; undefined when they do. */
export function incompatibility(
  local: Iterable<Member>,
  remote: readonly NodeRecord[],
): string | undefined {
  const all: Versioned[] = remote.map(({ state, vsn }) => ({ alive: state === 0, vsn }));
  for (const { state, vsn } of local) all.push({ alive: state === 'alive', vsn });
  return outside(all, 'memberlist', 0) ?? outside(all, 'application', 3);
}

/** `at`: where min, max and current version of this protocol are. */
function outside(all: readonly Versioned[], protocol: string, at: number): string | undefined {
  let min = 0;
  let max = 255;
  for (const { alive, vsn } of all) {
    // Who says nothing restricts nobody.
    if (!alive || vsn.length === 0) continue;
    min = Math.max(min, vsn[at] ?? 0);
    max = Math.min(max, vsn[at + 1] ?? 0);
  }
  for (const { vsn } of all) {
    const current = vsn[at + 2] ?? 0;
    if (current < min || current > max)
      return `a member speaks version ${current} of the ${protocol} protocol, the others versions ${min} to ${max}: it must not join them`;
  }
  return undefined;
}
