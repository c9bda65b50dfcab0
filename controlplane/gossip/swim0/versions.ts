/** Whether two clusters understand each other (§11). */
import type { NodeRecord } from '../codec/index.ts';
import type { Member } from '../swim/member.ts';

const LAYERS = [
  { name: 'protocol', min: 0, max: 1, current: 2 },
  { name: 'delegate protocol', min: 3, max: 4, current: 5 },
];
const ALIVE = 0;

/**
 * A sentence if some member, of ours or theirs, speaks a version that one of the living does not understand. Records
 * with too few versions have no say.
 */
export function clashOf(ours: Iterable<Member>, theirs: readonly NodeRecord[]): string | undefined {
  const all: { name: string; vsn: Uint8Array; isAlive: boolean }[] = [];
  for (const { name, vsn, state } of ours)
    if (vsn.length >= 6) all.push({ name, vsn, isAlive: state === 'alive' });
  for (const { name, vsn, state } of theirs)
    if (vsn.length >= 6) all.push({ name, vsn, isAlive: state === ALIVE });
  for (const layer of LAYERS) {
    let lowest = 0;
    let highest = 255;
    for (const { vsn, isAlive } of all) {
      if (!isAlive) continue;
      lowest = Math.max(lowest, vsn[layer.min] as number);
      highest = Math.min(highest, vsn[layer.max] as number);
    }
    const odd = all.find(({ vsn }) => {
      const current = vsn[layer.current] as number;
      return current < lowest || current > highest;
    });
    if (odd !== undefined)
      return `${layer.name} version ${odd.vsn[layer.current]} of ${odd.name} is outside [${lowest}, ${highest}], which all living members understand`;
  }
  return undefined;
}
