/** What real Serf agents and members of ours have in common, for tests that mix them and benchmarks that compare. */
import type { Child } from './child.ts';
import type { Namespace } from './namespace.ts';

export type MemberStatus = 'alive' | 'leaving' | 'left' | 'failed';

/** What a peer told about another one, or about an event or query, when it came to know. */
export type Sight =
  | 'join'
  | 'update'
  | 'leave'
  | 'failed'
  | 'reap'
  /** The peer itself accuses the other. */
  | 'suspect'
  /** The peer was accused and denied it. */
  | 'refute'
  /** A user event, by its name. */
  | 'event'
  /** The same with its payload, as NAME PAYLOAD; Serf tells it at level debug. */
  | 'payload'
  /** A query, by its name. */
  | 'query';

export interface Sighting {
  /** As `monotonicNow` tells. */
  readonly at: number;
  readonly what: Sight;
  readonly name: string;
}

export interface SeenMember {
  readonly status: MemberStatus;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Question {
  readonly name: string;
  readonly payload?: string;
  /** Only these members answer. */
  readonly nodes?: readonly string[];
  /** Only members whose tags match these expressions answer. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly relayFactor?: number;
  /** How long answers are awaited, in ms. */
  readonly timeout?: number;
}

export interface Answers {
  /** Names of those who acknowledged, sorted. */
  readonly acks: readonly string[];
  /** Payload by name. */
  readonly answers: Readonly<Record<string, string>>;
}

/** Every peer answers the query of this name, with its own name. */
export const WHERE = 'where';

/** Keys in base64. */
export type KeyCommand = 'install' | 'use' | 'remove';

/** One agent in a namespace. Its commands reject when the agent says no. */
export interface Peer {
  readonly kind: 'serf' | 'weft';
  readonly name: string;
  readonly place: Namespace;
  readonly child: Child;
  readonly sightings: Sightings;
  /** Resolves when it listens. */
  ready(): Promise<this>;
  /** Everybody it knows, itself included. */
  members(): Promise<Map<string, SeenMember>>;
  /** Resolves, once one of the addresses was joined, with when it began. */
  join(...addresses: readonly string[]): Promise<number>;
  /** Sets one tag of its own, or removes it. */
  setTag(tag: string, value: string | undefined): Promise<void>;
  event(name: string, payload: string): Promise<void>;
  query(question: Question): Promise<Answers>;
  changeKey(command: KeyCommand, key: string): Promise<void>;
  /** How many members have each key. */
  keys(): Promise<Map<string, number>>;
  forceLeave(name: string): Promise<void>;
  /** Says good-bye; resolves when it is gone. */
  leave(): Promise<void>;
  /** Resolves when it is gone without a word. */
  kill(): Promise<void>;
}

/** An address as it is written where a port may follow. */
export function hostPart(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** What one peer saw, in order. */
export class Sightings {
  readonly list: Sighting[] = [];
  readonly #whose: string;
  readonly #waiting = new Set<(sighting: Sighting) => void>();

  constructor(whose: string) {
    this.#whose = whose;
  }

  note(sighting: Sighting): void {
    this.list.push(sighting);
    for (const tell of this.#waiting) tell(sighting);
  }

  /** The first one at `since` or later, if there was one. */
  find(what: Sight, name: string, since = 0): Sighting | undefined {
    return this.list.find((each) => each.what === what && each.name === name && each.at >= since);
  }

  /** Those from `since` on that are one of `what`. */
  since(since: number, ...what: readonly Sight[]): Sighting[] {
    return this.list.filter((each) => each.at >= since && what.includes(each.what));
  }

  /** When it was first seen at `since` or later, seen already or to come; rejects after `within` ms. */
  async seen(what: Sight, name: string, since: number, within: number): Promise<number> {
    const past = this.find(what, name, since);
    if (past !== undefined) return past.at;
    return new Promise((resolve, reject) => {
      const tell = (sighting: Sighting): void => {
        if (sighting.what !== what || sighting.name !== name || sighting.at < since) return;
        end();
        resolve(sighting.at);
      };
      const late = setTimeout(() => {
        end();
        reject(new Error(`not within ${within} ms: ${this.#whose} saw ${what} ${name}`));
      }, within);
      const end = (): void => {
        clearTimeout(late);
        this.#waiting.delete(tell);
      };
      this.#waiting.add(tell);
    });
  }
}
