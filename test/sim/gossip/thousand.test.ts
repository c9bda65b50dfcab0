/** A minute; ten of them, and other weather, with `npm run sim -- --faults --nodes 1000 --minutes 10 --seed N`. */
import { expect, test } from 'vitest';
import { runScenario } from './scenario.ts';
import { weatherOf } from './weather.ts';

test('everything holds among 1,000 members, of whom some die', () => {
  const { detections } = runScenario({
    seed: 2,
    size: 1_000,
    duration: 60_000,
    weather: weatherOf('calm', { slow: 0.02, drift: 1e-4 }),
  });
  expect(detections.length).toBeGreaterThan(0);
});
