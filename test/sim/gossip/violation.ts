/** A property that does not hold. */
export class Violation extends Error {
  override readonly name = 'Violation';
  readonly seed: number;

  /** `time` in virtual ms. */
  constructor(seed: number, time: number, problem: string) {
    super(`seed ${seed}, at ${(time / 1_000).toFixed(3)} s: ${problem}`);
    this.seed = seed;
  }
}
