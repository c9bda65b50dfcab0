/** Keeps the forwarder's ways as the kernel has them: read in full at first, and whenever the kernel's events are not all. */
import { pauseBefore, type Backoff, type Random } from '../../state/clock.ts';
import type { Kernel } from '../../state/kernel.ts';
import type { Resource } from '../../state/resource.ts';
import { Ways, type Told } from './ways.ts';

/** When the kernel cannot be read: packets go by what is known meanwhile. */
const RETRY: Backoff = { first: 500, factor: 2, limit: 30_000 };

export interface FollowParts {
  readonly kernel: Pick<Kernel, 'dump' | 'watch'>;
  /** Resolves after so many ms. */
  readonly pause: (ms: number) => Promise<unknown>;
  readonly random: Random;
}

/** Resolves when all is known; rejects when the kernel cannot be read at first. */
export async function followWays(
  name: string,
  { kernel, pause, random }: FollowParts,
): Promise<Ways> {
  const ways = new Ways(name);
  /** While a reading is under way, what was told since it began. */
  let since: Told[] | undefined;
  const readAll = async (): Promise<void> => {
    const told: Told[] = [];
    since = told;
    try {
      const found: Resource[] = [];
      for await (const slice of kernel.dump(new Set([name]))) found.push(...slice);
      ways.reset(found);
      for (const event of told) ways.take(event);
    } finally {
      since = undefined;
    }
  };
  let isReading = true;
  let isDue = false;
  const readWhileDue = async (): Promise<void> => {
    isReading = true;
    for (let failures = 0; isDue;) {
      isDue = false;
      try {
        await readAll();
        failures = 0;
      } catch {
        isDue = true;
        await pause(pauseBefore(failures++, RETRY, random));
      }
    }
    isReading = false;
  };
  kernel.watch((event) => {
    if (event.type === 'unknown') {
      isDue = true;
      if (!isReading) void readWhileDue();
      return;
    }
    since?.push(event);
    ways.take(event);
  });
  await readAll();
  void readWhileDue();
  return ways;
}
