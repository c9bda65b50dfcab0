/** Chance as an argument, and what is drawn with it. */

/** A number in [0, 1). */
export type Random = () => number;

/** An integer in [0, bound). */
export function below(random: Random, bound: number): number {
  return Math.floor(random() * bound);
}

/** In place (Fisher and Yates). */
export function shuffle<T>(random: Random, list: T[]): T[] {
  for (let last = list.length - 1; last > 0; last--) {
    const other = below(random, last + 1);
    [list[last], list[other]] = [list[other] as T, list[last] as T];
  }
  return list;
}

/**
 * Up to `count` different ones that pass, without looking at the whole of a long list: after three draws for each
 * element a short answer is taken as it is, as memberlist does.
 */
export function sample<T>(
  random: Random,
  list: readonly T[],
  count: number,
  passes: (candidate: T) => boolean,
): T[] {
  const wanted = Math.min(count, list.length);
  if (list.length <= 4 * count) return shuffle(random, list.filter(passes)).slice(0, wanted);
  const chosen = new Set<T>();
  for (let draws = 3 * list.length; draws > 0 && chosen.size < wanted; draws--) {
    const candidate = list[below(random, list.length)] as T;
    if (passes(candidate)) chosen.add(candidate);
  }
  return [...chosen];
}
