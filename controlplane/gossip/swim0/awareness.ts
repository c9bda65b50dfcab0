/** Lifeguard's local health (§14): the worse we hear, the slower we judge others. */
export class Awareness {
  readonly #max: number;
  #score = 0;

  /** `max`: bound of the score, exclusive. */
  constructor(max: number) {
    this.#max = max;
  }

  /** From 0, the best. */
  get score(): number {
    return this.#score;
  }

  add(delta: number): void {
    this.#score = Math.min(Math.max(this.#score + delta, 0), this.#max - 1);
  }

  /** An interval as long as our health allows. */
  scaled(interval: number): number {
    return interval * (this.#score + 1);
  }
}
