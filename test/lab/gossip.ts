/** One of our gossip members in a namespace: test/bench/gossip/member.ts, told what to do by its input. */
import type { KeyResult, SerfSettings, Settings } from '../../controlplane/gossip/index.ts';
import type { MemberProgram } from '../bench/gossip/program.ts';
import { monotonicNow, type Child } from './child.ts';
import {
  hostPart,
  Sightings,
  type Answers,
  type KeyCommand,
  type MemberStatus,
  type Peer,
  type Question,
  type SeenMember,
  type Sight,
} from './gossip-peer.ts';
import type { Namespace } from './namespace.ts';

export interface MemberOptions {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** In base64; in plain text when absent. */
  readonly key?: string;
  /** Where to join, again and again until it works. */
  readonly seeds?: readonly string[];
  /** Those that are not as in the LAN profile. */
  readonly settings?: Partial<Settings>;
  readonly serf?: Partial<SerfSettings>;
}

/** What the core counts; see controlplane/gossip/swim/counts.ts. */
export interface MemberCounts {
  readonly suspicions: number;
  readonly confirmations: number;
  readonly refutations: number;
  readonly deathsDeclared: number;
  readonly stalls: number;
}

const SIGHTS: Readonly<Record<string, Sight>> = {
  join: 'join',
  update: 'update',
  leave: 'leave',
  failed: 'failed',
  reap: 'reap',
};
/** How long an answer may take, in ms; queries about keys wait for all members. */
const LIMIT = 30_000;

type Line = Readonly<Record<string, unknown>> & { readonly at: number };

export class GossipMember implements Peer {
  readonly kind = 'weft';
  readonly name: string;
  readonly place: Namespace;
  readonly child: Child;
  readonly sightings: Sightings;
  readonly #tags: Map<string, string>;
  readonly #replies = new Map<number, Line>();
  #asked = 0;

  constructor(place: Namespace, program: MemberProgram, options: MemberOptions) {
    this.name = options.name;
    this.place = place;
    this.sightings = new Sightings(options.name);
    this.#tags = new Map(Object.entries(options.tags ?? {}));
    this.child = place.spawn(program.command, [...program.args, ...flagsOf(place, options)], {
      env: program.env as Record<string, string>,
      input: true,
      onLine: (line, at) => this.#look(line, at),
    });
  }

  async ready(): Promise<this> {
    await this.child.waitForLine(/"event":"ready"/, LIMIT);
    return this;
  }

  async members(): Promise<Map<string, SeenMember & { readonly rtt?: number }>> {
    const { members } = await this.#do({ do: 'members' });
    const list = members as { name: string; status: MemberStatus; tags: SeenMember['tags'] }[];
    return new Map(list.map(({ name, ...rest }) => [name, rest]));
  }

  /** To each of the others, in ms, where there is an estimate. */
  async roundTrips(): Promise<number[]> {
    const members = [...(await this.members()).values()];
    return members.flatMap(({ rtt }) => rtt ?? []);
  }

  async counts(): Promise<MemberCounts> {
    const { node } = await this.#do({ do: 'stats' });
    return (node as { swim: MemberCounts }).swim;
  }

  async join(...places: readonly string[]): Promise<number> {
    const began = monotonicNow();
    const { joined } = await this.#do({ do: 'join', places: places.map(hostPart) });
    if (joined === 0) throw new Error(`${this.name} joined none of ${places.join(', ')}`);
    return began;
  }

  async setTag(tag: string, value: string | undefined): Promise<void> {
    if (value === undefined) this.#tags.delete(tag);
    else this.#tags.set(tag, value);
    await this.#do({ do: 'tags', tags: Object.fromEntries(this.#tags) });
  }

  async event(name: string, payload: string): Promise<void> {
    await this.#do({ do: 'event', name, payload });
  }

  async query({ relayFactor: relays = 0, timeout = 2000, ...rest }: Question): Promise<Answers> {
    const answer = await this.#do({ do: 'query', ...rest, relays, timeout });
    const { acks, answers } = answer as unknown as Answers;
    return { acks: acks.toSorted(), answers };
  }

  async changeKey(operation: KeyCommand, key: string): Promise<void> {
    const result = (await this.#do({ do: 'keys', operation, key })) as unknown as KeyResult;
    if (!result.ok) throw new Error(`${operation} on ${this.name}: ${JSON.stringify(result)}`);
  }

  async keys(): Promise<Map<string, number>> {
    const { answers } = (await this.#do({ do: 'keys', operation: 'list' })) as unknown as KeyResult;
    const found = new Map<string, number>();
    for (const key of answers.flatMap(({ keys }) => keys))
      found.set(key, (found.get(key) ?? 0) + 1);
    return found;
  }

  async forceLeave(name: string): Promise<void> {
    await this.#do({ do: 'forceLeave', name });
  }

  async leave(): Promise<void> {
    await this.#do({ do: 'leave' });
    await this.child.ended;
  }

  async kill(): Promise<void> {
    await this.child.stop('SIGKILL');
  }

  /** The answer to a command; rejects if it says that it could not be done. */
  async #do(command: object): Promise<Line> {
    const id = ++this.#asked;
    this.child.write(JSON.stringify({ id, ...command }));
    const what = `${this.name} answers ${JSON.stringify(command)}`;
    const reply = await this.child.untilOr(() => this.#replies.get(id), { within: LIMIT, what });
    this.#replies.delete(id);
    if (reply['error'] === undefined) return reply;
    throw new Error(
      `${JSON.stringify(command)} on ${this.name}: ${JSON.stringify(reply['error'])}`,
    );
  }

  /** Stamped when it is read, as Serf's lines are. */
  #look(text: string, at: number): void {
    if (!text.startsWith('{')) return;
    const line = JSON.parse(text) as Line;
    const { id, event, name = '', change = '' } = line as Line & Record<string, string>;
    if (typeof id === 'number') this.#replies.set(id, line);
    const what = event === 'member' ? SIGHTS[change] : undefined;
    if (what !== undefined) this.sightings.note({ at, what, name });
    if (event === 'query') this.sightings.note({ at, what: 'query', name });
    if (event !== 'event') return;
    this.sightings.note({ at, what: 'event', name });
    this.sightings.note({ at, what: 'payload', name: `${name} ${String(line['payload'])}` });
  }
}

function flagsOf(place: Namespace, options: MemberOptions): string[] {
  const { name, tags = {}, key, seeds = [], settings = {}, serf = {} } = options;
  return [
    `--name=${name}`,
    `--bind=${place.address}`,
    ...Object.entries(tags).map(([tag, value]) => `--tag=${tag}=${value}`),
    ...(key === undefined ? [] : [`--key=${key}`]),
    ...seeds.map((seed) => `--join=${hostPart(seed)}`),
    `--settings=${JSON.stringify(settings)}`,
    `--serf-settings=${JSON.stringify(serf)}`,
  ];
}
