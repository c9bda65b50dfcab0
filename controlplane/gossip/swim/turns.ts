/**
 * Whose turn it is to probe whom. memberlist's members probe each other in random orders, so that it takes a second on
 * average, but three or four now and then, until anyone probes one who died. Here members stand in a ring in the
 * order of their names, and in each period all probe the one that is the same number of places further on: each is
 * probed by exactly one other in each period, always at the same time in it, which follows from its name. In as many
 * periods as there are others, each probes every other once, as it would in memberlist.
 *
 * Periods are counted by the clock on the wall. Where clocks or views differ, or others are memberlist's, the turns
 * are as good as random, and nothing is lost against memberlist.
 */

/** Share of all places that one step is, about: successive steps are far from each other. */
const GOLDEN = 0.618_033_988_75;

/** How many places further on the one stands that is to be probed, from 1 to `size - 1`. */
export function turnOf(period: number, size: number): number {
  const others = size - 1;
  if (others <= 1) return 1;
  let step = Math.max(1, Math.round(others * GOLDEN));
  while (divisorOf(step, others) !== 1) step--;
  return 1 + (((period % others) * step) % others);
}

/** Which share of a period passes before the member of this name is probed, in [0, 1). */
export function phaseOf(name: string): number {
  // FNV-1a, and a mix of its bits: names differ in their last letters.
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < name.length; at++)
    hash = Math.imul(hash ^ name.charCodeAt(at), 0x01_00_01_93);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c_1b_3c_6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x29_7a_2d_39);
  return ((hash ^ (hash >>> 15)) >>> 0) / 2 ** 32;
}

/** The greatest that both have. */
function divisorOf(a: number, b: number): number {
  return b === 0 ? a : divisorOf(b, a % b);
}
