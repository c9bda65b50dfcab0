/** Whom others may take for dead although it lives, and until when: it was stopped for long, or cut off. */
import type { Cluster, Member } from './cluster.ts';

export class Excuses {
  readonly #cluster: Cluster;
  readonly #until = new Map<Member, number>();
  #allUntil = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Times are virtual, in ms. */
  one(member: Member, until: number): void {
    this.#until.set(member, Math.max(until, this.#until.get(member) ?? 0));
  }

  /** Everybody, until told otherwise. */
  all(until: number): void {
    this.#allUntil = until;
  }

  has(member: Member): boolean {
    const { now } = this.#cluster;
    return this.isUnsettled || now < (this.#until.get(member) ?? 0);
  }

  /** Whether a cut is there, or was there just now. */
  get isUnsettled(): boolean {
    return this.#cluster.now < this.#allUntil;
  }
}
