/** Two files of fifty seeds each, for two processors. `npm run sim -- --faults --seed N --minutes M --replay` tells one. */
import { test } from 'vitest';
import { runSeeds } from './seeds.ts';

test('everything holds for seeds 1 to 50', () => runSeeds(1, 50));
