/** A host's own clock: it starts somewhere, runs a little fast or slow, and stands still while its machine does. */
export class HostClock {
  /** Seconds of this clock in a second of virtual time. */
  readonly rate: number;
  #base: number;
  #reading: number;

  constructor(reading: number, rate: number) {
    this.rate = rate;
    this.#base = 0;
    this.#reading = reading;
  }

  /** What it shows at virtual time `time`. */
  read(time: number): number {
    return this.#reading + (time - this.#base) * this.rate;
  }

  /** When it will show `reading`. */
  when(reading: number): number {
    return this.#base + (reading - this.#reading) / this.rate;
  }

  /** It stood still between these virtual times. */
  stoodStill(from: number, until: number): void {
    this.#reading = this.read(from);
    this.#base = until;
  }
}
