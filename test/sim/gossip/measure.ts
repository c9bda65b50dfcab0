/** What gossip takes in a calm cluster of some size: the time until all know, and packets and bytes. */
import type { Random } from '../../../controlplane/gossip/random.ts';
import { LAN } from '../../../controlplane/gossip/swim/settings.ts';
import { Cluster, type Member } from './cluster.ts';
import { suspicionMax } from './model.ts';
import { CALM, type Conditions } from './network.ts';
import { pick, stream } from './random.ts';
import { Spread, type MemberEvent, type News, type Spreading } from './spread.ts';

/** In ms. */
const SECOND = 1_000;
const IDLE = 60 * SECOND;
const LIMIT = 60 * SECOND;
/** Between two pieces of news, so that the one is over when the next begins. */
const QUIET = 3 * SECOND;

export interface MeasureOptions {
  readonly seed: number;
  readonly size: number;
  /** How many of each kind of news. */
  readonly trials: number;
  readonly conditions?: Conditions;
  readonly log?: (line: string) => void;
}

/** For each member, a second. */
export interface Load {
  readonly packets: number;
  readonly bytes: number;
  /** Of streams, without compression. */
  readonly streamBytes: number;
}

export const KINDS = ['event', 'record', 'join', 'leave', 'death'] as const;
export type Kind = (typeof KINDS)[number];

export interface Measured {
  readonly size: number;
  readonly spreadings: Readonly<Record<Kind, readonly Spreading[]>>;
  readonly idle: Load;
  /** While news spreads. */
  readonly busy: Readonly<Record<Kind, Load>>;
  readonly virtual: number;
}

/** Takes minutes and gigabytes for thousands of members. */
export function measure(options: MeasureOptions): Measured {
  return new Measurement(options).run();
}

class Measurement {
  readonly #options: MeasureOptions;
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #spreadings: Record<Kind, Spreading[]> = byKind(() => []);
  readonly #busy: Record<Kind, Sum> = byKind(() => new Sum());

  constructor(options: MeasureOptions) {
    const { seed, size } = options;
    this.#options = options;
    this.#random = stream(seed, 'measure');
    this.#cluster = new Cluster({ seed, size: size + 1 });
    this.#cluster.network.conditions = options.conditions ?? CALM;
  }

  run(): Measured {
    const { size, trials } = this.#options;
    this.#cluster.startTogether(this.#cluster.members.slice(0, size));
    const idle = new Sum();
    this.#count(idle, () => this.#cluster.run(IDLE));
    this.#log(`${size} members at rest`);
    for (let number = 0; number < trials; number++)
      for (const kind of KINDS) {
        const { all } = this.#try(kind, number);
        this.#log(`${kind}: all know after ${all.toFixed(0)} ms`);
      }
    return {
      size,
      spreadings: this.#spreadings,
      idle: idle.load,
      busy: Object.fromEntries(KINDS.map((kind) => [kind, this.#busy[kind].load])) as Record<
        Kind,
        Load
      >,
      virtual: this.#cluster.now,
    };
  }

  #try(kind: Kind, number: number): Spreading {
    const cluster = this.#cluster;
    cluster.run(QUIET);
    const up = new Set(cluster.up);
    let news: News & { about?: Member } = {};
    const spread = new Spread(cluster, up, {
      changed: (event) => news.changed?.(event) ?? false,
      heard: (event) => news.heard?.(event) ?? false,
      recorded: (change) => news.recorded?.(change) ?? false,
    });
    this.#count(this.#busy[kind], () => {
      const begun = this.#trials[kind](number);
      news = begun;
      spread.forget(begun.about);
      this.#spreadings[kind].push(spread.await(LIMIT + suspicionMax(this.#options.size, LAN)));
    });
    // The next one finds as many members as this one.
    if (kind === 'death' && news.about !== undefined) cluster.start(news.about);
    return this.#spreadings[kind].at(-1) as Spreading;
  }

  /** Begins one, and says what to look for. */
  readonly #trials: Readonly<Record<Kind, (number: number) => News & { about: Member }>> = {
    event: (number) => {
      const about = this.#anybody();
      const name = `event-${number}`;
      this.#cluster.event(about, name);
      return { about, heard: (event) => event === name };
    },
    record: () => {
      const about = this.#anybody();
      const payload = this.#cluster.put(about, 'key');
      return {
        about,
        recorded: ({ after }) =>
          after !== undefined && Buffer.from(after.payload).toString() === payload,
      };
    },
    join: () => {
      this.#cluster.start(this.#newcomer);
      return { about: this.#newcomer, changed: about(this.#newcomer, 'join') };
    },
    leave: () => {
      this.#cluster.leave(this.#newcomer);
      return { about: this.#newcomer, changed: about(this.#newcomer, 'leave') };
    },
    death: () => {
      const member = this.#anybody();
      this.#cluster.crash(member, { machine: false });
      return { about: member, changed: about(member, 'failed') };
    },
  };

  #anybody(): Member {
    return pick(this.#random, this.#cluster.up);
  }

  /** Joins and leaves, in turns. */
  get #newcomer(): Member {
    return this.#cluster.member(this.#options.size);
  }

  #count(sum: Sum, work: () => void): void {
    const cluster = this.#cluster;
    const before = { ...cluster.network.counts };
    const began = cluster.now;
    work();
    const { packets, bytes, streamBytes } = cluster.network.counts;
    sum.packets += packets - before.packets;
    sum.bytes += bytes - before.bytes;
    sum.streamBytes += streamBytes - before.streamBytes;
    sum.seconds += ((cluster.now - began) / SECOND) * cluster.up.length;
  }

  #log(line: string): void {
    this.#options.log?.(line);
  }
}

function about(subject: Member, change: MemberEvent['change']): (event: MemberEvent) => boolean {
  return (event) => event.change === change && event.member.name === subject.name;
}

class Sum implements Load {
  packets = 0;
  bytes = 0;
  streamBytes = 0;
  /** Of all members together. */
  seconds = 0;

  get load(): Load {
    const { packets, bytes, streamBytes, seconds } = this;
    return {
      packets: packets / seconds,
      bytes: bytes / seconds,
      streamBytes: streamBytes / seconds,
    };
  }
}

function byKind<T>(make: () => T): Record<Kind, T> {
  return Object.fromEntries(KINDS.map((kind) => [kind, make()])) as Record<Kind, T>;
}
