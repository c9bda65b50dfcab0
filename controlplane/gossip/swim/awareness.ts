/** How well we ourselves do (Lifeguard; specification §14): 0 is well, and the higher, the longer others get. */
export class Awareness {
  readonly #bound: number;
  #score = 0;

  /** `bound`: exclusive. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  get score(): number {
    return this.#score;
  }

  add(delta: number): void {
    this.#score = Math.min(this.#bound - 1, Math.max(0, this.#score + delta));
  }
}
