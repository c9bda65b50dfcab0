/**
 * Network coordinates: each member finds its place in a space in which distances are round trips, from nothing but
 * the round trips of its own probes (Vivaldi; Dabek et al. 2004, with the height of that paper, and Serf's
 * adjustment and gravity; specification §20.9). Inside, times are in seconds, as on the wire.
 */
import { DIMENSIONS, type Coordinate } from '../codec/index.ts';
import type { Random } from '../random.ts';

/** How far one sample moves the error and the place. */
const STEP = 0.25;
const ERROR_MAX = 1.5;
const HEIGHT_MIN = 1e-5;
const NEAR = 1e-6;
const FILTER_SAMPLES = 3;
const ADJUSTMENT_SAMPLES = 20;
const GRAVITY_RHO = 150;
const RTT_MAX = 10;
/**
 * No number of a place is beyond this: ten times the longest round trip. Others' that are, are not believed; ours
 * starts anew.
 */
const FAR = 100;

type Vector = readonly number[];

export const ORIGIN: Coordinate = {
  vec: Array.from({ length: DIMENSIONS }, () => 0),
  error: ERROR_MAX,
  adjustment: 0,
  height: HEIGHT_MIN,
};

interface Peer {
  place: Coordinate;
  /** The last round trips, in seconds. */
  rtts: number[];
}

/** Our own place, and those of others that answered us. */
export class Coordinates {
  #own: Coordinate = ORIGIN;
  #resets = 0;
  readonly #random: Random;
  readonly #peers = new Map<string, Peer>();
  readonly #adjustments: number[] = [];
  #samples = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get own(): Coordinate {
    return this.#own;
  }

  /** How often it became nonsense and started anew. */
  get resets(): number {
    return this.#resets;
  }

  /** `name` at `other` answered after `rtt` ms. False, and nothing changes, for what cannot be. */
  observe(name: string, other: Coordinate, rtt: number): boolean {
    const seconds = rtt / 1_000;
    if (!isBelievable(other) || !(seconds >= 0 && seconds <= RTT_MAX)) return false;
    const rtts = [...(this.#peers.get(name)?.rtts ?? []), seconds].slice(-FILTER_SAMPLES);
    this.#peers.set(name, { place: other, rtts });
    const filtered = Math.max(median(rtts), NEAR);
    const moved = this.#attract(this.#toward(other, filtered));
    this.#own = { ...moved, adjustment: this.#adjust(moved, other, filtered) };
    if (!isBelievable(this.#own)) this.#reset();
    return true;
  }

  /** The round trip to a member as the places tell it, in ms. */
  rtt(name: string): number | undefined {
    const peer = this.#peers.get(name);
    return peer === undefined ? undefined : estimateRtt(this.#own, peer.place);
  }

  forget(name: string): void {
    this.#peers.delete(name);
  }

  #toward(other: Coordinate, rtt: number): Coordinate {
    const own = this.#own;
    const estimate = distance(own, other);
    const weight = own.error / Math.max(own.error + other.error, NEAR);
    const wrong = Math.abs(estimate - rtt) / rtt;
    const error = Math.min(ERROR_MAX, STEP * weight * wrong + own.error * (1 - STEP * weight));
    return this.#push({ ...own, error }, STEP * weight * (rtt - estimate), other);
  }

  /** The origin pulls, so that the whole cluster does not drift away. */
  #attract(place: Coordinate): Coordinate {
    return this.#push(place, -((distance(ORIGIN, place) / GRAVITY_RHO) ** 2), ORIGIN);
  }

  /** By `force` seconds away from the other. */
  #push(place: Coordinate, force: number, other: Coordinate): Coordinate {
    const apart = place.vec.map((value, i) => value - (other.vec[i] as number));
    const length = magnitude(apart);
    const direction =
      length > NEAR ? apart.map((value) => value / length) : anyDirection(this.#random);
    const vec = place.vec.map((value, i) => value + force * (direction[i] as number));
    if (length <= NEAR) return { ...place, vec };
    const height = ((place.height + other.height) * force) / length + place.height;
    return { ...place, vec, height: Math.max(HEIGHT_MIN, height) };
  }

  /** What the space cannot show, as the mean of what it was wrong by. */
  #adjust(place: Coordinate, other: Coordinate, rtt: number): number {
    this.#adjustments[this.#samples++ % ADJUSTMENT_SAMPLES] = rtt - rawDistance(place, other);
    return this.#adjustments.reduce((sum, sample) => sum + sample, 0) / (2 * ADJUSTMENT_SAMPLES);
  }

  #reset(): void {
    this.#own = ORIGIN;
    this.#adjustments.length = 0;
    this.#samples = 0;
    this.#resets++;
  }
}

/** The round trip between two places, in ms. */
export function estimateRtt(a: Coordinate, b: Coordinate): number {
  return distance(a, b) * 1_000;
}

/** Whether to reckon with it. The codec has seen to its form. */
export function isBelievable({ vec, error, adjustment, height }: Coordinate): boolean {
  return (
    error >= 0 &&
    error <= ERROR_MAX &&
    height >= 0 &&
    [...vec, adjustment, height].every((value) => Math.abs(value) <= FAR)
  );
}

/** In seconds. */
function distance(a: Coordinate, b: Coordinate): number {
  const raw = rawDistance(a, b);
  const adjusted = raw + a.adjustment + b.adjustment;
  return adjusted > 0 ? adjusted : raw;
}

function rawDistance(a: Coordinate, b: Coordinate): number {
  let sum = 0;
  for (let i = 0; i < a.vec.length; i++) sum += ((a.vec[i] as number) - (b.vec[i] as number)) ** 2;
  return Math.sqrt(sum) + a.height + b.height;
}

/** No number of it is so large that its square would not do. */
function magnitude(vector: Vector): number {
  let sum = 0;
  for (const value of vector) sum += value ** 2;
  return Math.sqrt(sum);
}

/** One slow answer is no slow way. */
function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] as number;
}

/** For two at one place. */
function anyDirection(random: Random): Vector {
  const vector = ORIGIN.vec.map(() => random() - 0.5);
  const length = magnitude(vector);
  return length > NEAR ? vector.map((value) => value / length) : vector.map((_, i) => +(i === 0));
}
