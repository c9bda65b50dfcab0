/** The other half of seeds-1.test.ts. */
import { test } from 'vitest';
import { runSeeds } from './seeds.ts';

test('everything holds for seeds 51 to 100', () => runSeeds(51, 100));
