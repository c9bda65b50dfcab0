/** For the tests: scenarios of many seeds, each of which must hold. */
import { expect } from 'vitest';
import { runScenario } from './scenario.ts';

const MEMBERS = 50;
/** Of faults, in virtual ms; calm comes before and after. */
const DURATION = 40_000;

export function runSeeds(from: number, to: number): void {
  for (let seed = from; seed <= to; seed++) {
    const { actions } = runScenario({ seed, size: MEMBERS, duration: DURATION });
    expect(actions).toBeGreaterThan(0);
  }
}
