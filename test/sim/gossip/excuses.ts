/** Whom others may take for dead although it lives, and until when: it was stopped for long, or cut off. */
import type { Cluster, Member } from './cluster.ts';
import type { NamedCut } from './cuts.ts';

export class Excuses {
  /** There now. */
  readonly cuts = new Set<NamedCut>();
  readonly #cluster: Cluster;
  readonly #until = new Map<Member, number>();
  readonly #echoes = new Map<Member, number>();
  readonly #readers = new Map<Member, number>();
  #allUntil = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Times are virtual, in ms. */
  one(member: Member, until: number): void {
    this.#until.set(member, Math.max(until, this.#until.get(member) ?? 0));
  }

  /** What is said of an earlier life of it: that it left. */
  echo(member: Member, until: number): void {
    this.#echoes.set(member, until);
  }

  /** It was stopped, and reads what others said meanwhile, the old before the new. */
  reader(member: Member, until: number): void {
    this.#readers.set(member, until);
  }

  /** Everybody: a cut is healed, and what the sides said of each other comes across. */
  all(until: number): void {
    this.#allUntil = until;
  }

  /** Of `at`, when it takes `member` for gone. */
  has(at: Member, member: Member, change: 'failed' | 'leave'): boolean {
    const { now } = this.#cluster;
    const isIn = (excuses: ReadonlyMap<Member, number>, of: Member): boolean =>
      now < (excuses.get(of) ?? 0);
    if (now < this.#allUntil || isIn(this.#until, member) || isIn(this.#readers, at)) return true;
    for (const cut of this.cuts) if (cut.concerns(at.host, member.host)) return true;
    return change === 'leave' && isIn(this.#echoes, member);
  }

  /** Whether a cut is there, or was there just now. */
  get isUnsettled(): boolean {
    return this.cuts.size > 0 || this.#cluster.now < this.#allUntil;
  }
}
