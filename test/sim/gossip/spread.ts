/** How long news takes: when each member that is to know came to know it. */
import type { Change } from '../../../controlplane/gossip/records/index.ts';
import type { SerfEvent } from '../../../controlplane/gossip/serf/index.ts';
import type { Cluster, Member, Observer } from './cluster.ts';

export type MemberEvent = Extract<SerfEvent, { kind: 'member' }>;

/** What counts as knowing. */
export interface News {
  changed?(event: MemberEvent): boolean;
  heard?(event: string): boolean;
  recorded?(change: Change): boolean;
}

/** Times in ms since the beginning. */
export interface Spreading {
  readonly half: number;
  readonly most: number;
  readonly all: number;
}

const MOST = 0.99;

export class Spread implements Observer {
  readonly #cluster: Cluster;
  readonly #news: News;
  readonly #waiting: Set<Member>;
  readonly #began: number;
  readonly #times: number[] = [];

  /** Begins now. `among`: who is to know. */
  constructor(cluster: Cluster, among: Iterable<Member>, news: News) {
    this.#cluster = cluster;
    this.#news = news;
    this.#waiting = new Set(among);
    this.#began = cluster.now;
    cluster.observers.push(this);
  }

  /** It need not know: it is what the news is about. */
  forget(member: Member): void {
    this.#waiting.delete(member);
  }

  changed(at: Member, event: MemberEvent): void {
    if (this.#news.changed?.(event) === true) this.#knows(at);
  }

  heard(at: Member, event: string): void {
    if (this.#news.heard?.(event) === true) this.#knows(at);
  }

  recorded(at: Member, change: Change): void {
    if (this.#news.recorded?.(change) === true) this.#knows(at);
  }

  /** Lets time pass until all know. Throws if that takes more than `limit` ms. */
  await(limit: number): Spreading {
    const cluster = this.#cluster;
    while (this.#waiting.size > 0) {
      if (cluster.now - this.#began > limit) {
        const [first] = this.#waiting;
        throw new Error(`after ${limit} ms ${this.#waiting.size} do not know, as ${first?.name}`);
      }
      cluster.run(10);
    }
    cluster.observers.splice(cluster.observers.indexOf(this), 1);
    const at = (share: number): number =>
      this.#times[Math.ceil(share * this.#times.length) - 1] ?? 0;
    return { half: at(0.5), most: at(MOST), all: at(1) };
  }

  #knows(member: Member): void {
    if (this.#waiting.delete(member)) this.#times.push(this.#cluster.now - this.#began);
  }
}
