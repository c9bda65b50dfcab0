/** Gossip members on the hosts of one network, and what is true of them, to compare with what they know. */
import { encodeTags, type StreamMessage } from '../../../controlplane/gossip/codec/index.ts';
import type { Endpoint } from '../../../controlplane/gossip/effects.ts';
import { GossipNode, type NodeEvent } from '../../../controlplane/gossip/node.ts';
import type { Random } from '../../../controlplane/gossip/random.ts';
import {
  RECORDS,
  type Change,
  type RecordSettings,
} from '../../../controlplane/gossip/records/index.ts';
import {
  SERF,
  type Remembered,
  type SerfEvent,
  type SerfSettings,
} from '../../../controlplane/gossip/serf/index.ts';
import { LAN, type Settings } from '../../../controlplane/gossip/swim/settings.ts';
import { HostClock } from './clock.ts';
import { EventQueue } from './events.ts';
import { Host } from './host.ts';
import { Network } from './network.ts';
import { between, stream } from './random.ts';

const PORT = 7_946;
/** Of the hosts' clocks, in ms: anything. */
const CLOCKS = [1_000, 1e9] as const;
/** When the simulation begins, in ms since 1970. */
const NEW_YEAR = Date.UTC(2026, 0, 1);
/** Of clocks on the wall, in ms: as NTP keeps them, and of those that are wrong. */
const SKEW = 20;
const WRONG_BY = 3_600_000;
/** Of all records. */
export const KIND = 'name';
const NONE = new Uint8Array();
/** How many members others find the cluster by. */
const SEEDS = 3;

export interface ClusterOptions {
  readonly seed: number;
  readonly size: number;
  readonly settings?: Settings;
  readonly serf?: SerfSettings;
  readonly records?: RecordSettings;
  /** The clocks' rates are within 1 ± drift. */
  readonly drift?: number;
  /** Share of clocks on the wall that are wrong by up to an hour. */
  readonly wrong?: number;
}

/** Called while `at` handles something. */
export interface Observer {
  changed?(at: Member, event: Extract<SerfEvent, { kind: 'member' }>): void;
  heard?(at: Member, event: string): void;
  recorded?(at: Member, change: Change): void;
  /** It runs anew, or no more. */
  started?(member: Member): void;
  ended?(member: Member): void;
}

/** One host's member. */
export class Member {
  readonly host: Host;
  /** Undefined: it does not run. */
  program: GossipNode | undefined;
  /** It said that it goes. */
  isLeaving = false;
  /** What it says of itself now; it is lost with the program. */
  readonly records = new Map<string, string>();
  /** How far its clock on the wall is ahead, in ms. */
  skew = 0;
  /** Text of the tag `run`: its starts and changes of tags. */
  tag = '';
  /** What it wrote to its disk last. */
  remembered: Remembered | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  get name(): string {
    return this.host.name;
  }

  /** Here to stay, as far as it knows. */
  get isUp(): boolean {
    return this.program !== undefined && !this.isLeaving;
  }
}

export class Cluster {
  readonly seed: number;
  readonly events = new EventQueue();
  readonly network: Network;
  readonly members: Member[] = [];
  readonly observers: Observer[] = [];
  readonly #options: ClusterOptions;
  readonly #settings: { -readonly [K in keyof Settings]: Settings[K] };
  readonly #random: Random;
  #versions = 0;

  constructor(options: ClusterOptions) {
    const { seed, size } = options;
    this.seed = seed;
    this.#options = options;
    this.#settings = { ...(options.settings ?? LAN) };
    this.#random = stream(seed, 'cluster');
    this.network = new Network(this.events, stream(seed, 'network'));
    for (let index = 0; index < size; index++) this.#add(index);
  }

  get now(): number {
    return this.events.now;
  }

  member(index: number): Member {
    const member = this.members[index];
    if (member === undefined) throw new RangeError(`there is no member ${index}`);
    return member;
  }

  get up(): Member[] {
    return this.members.filter(({ isUp }) => isUp);
  }

  /** Lets time pass, in ms. */
  run(time: number): void {
    this.events.run(this.now + time);
  }

  /** Starts the program anew; it remembers what its disk has, and joins by whoever is up. */
  start(member: Member, { join = true, remember = true } = {}): void {
    const { host } = member;
    this.#versions++;
    member.tag = String(this.#versions);
    member.isLeaving = false;
    member.records.clear();
    const remembered = remember ? member.remembered : undefined;
    const program = this.#program(member, remembered);
    member.program = program;
    host.isMachineUp = true;
    host.start(program);
    program.start(host.now);
    if (join) this.join(member, this.#seedsFor(member));
    host.schedule();
    for (const observer of this.observers) observer.started?.(member);
  }

  /** Tries again every second until somebody took it in, as the daemon does. */
  join(member: Member, seeds: readonly Endpoint[]): void {
    const { host, program } = member;
    if (seeds.length === 0) return;
    program?.join(host.now, seeds, ({ joined }) => {
      if (joined > 0) return;
      this.events.at(this.now + 1_000, () => {
        if (member.program !== program || !member.isUp) return;
        if (!host.isStopped) this.join(member, this.#seedsFor(member));
      });
    });
    host.schedule();
  }

  /**
   * Starts these so that they know each other. For thousands to tell each other by gossip takes minutes, also of
   * computing: each is handed the list, and passes none of it on.
   */
  startTogether(members: readonly Member[]): void {
    const { retransmitMult, transmissionsMin } = this.#settings;
    Object.assign(this.#settings, { retransmitMult: 0, transmissionsMin: 0 });
    for (const member of members) this.start(member, { join: false });
    this.#introduce(members);
    Object.assign(this.#settings, { retransmitMult, transmissionsMin });
    this.run(5_000);
  }

  #introduce(members: readonly Member[]): void {
    const nodes = members.map(({ program, name, host }) => {
      const { tags, vsn } = program?.member(name) ?? { tags: new Map<string, string>(), vsn: NONE };
      const meta = encodeTags(tags);
      return { name, ...host.endpoint, meta, incarnation: 1, state: 0, vsn };
    });
    const list: StreamMessage = { kind: 'pushPull', join: false, nodes, userState: NONE };
    for (const { program, host } of members) {
      program?.request(host.now, host.endpoint, list);
      host.schedule();
    }
  }

  /** Without a word. `machine`: with its kernel, so that nobody refuses connections. */
  crash(member: Member, { machine }: { readonly machine: boolean }): void {
    member.remembered = member.program?.snapshot();
    member.program = undefined;
    member.host.kill();
    member.host.isMachineUp = !machine;
    for (const observer of this.observers) observer.ended?.(member);
  }

  leave(member: Member): void {
    const { host, program } = member;
    member.isLeaving = true;
    program?.leave(host.now, () => {
      if (member.program !== program) return;
      member.remembered = program.snapshot();
      member.program = undefined;
      host.kill();
      for (const observer of this.observers) observer.ended?.(member);
    });
    host.schedule();
  }

  put(member: Member, key: string): string {
    const payload = String(++this.#versions);
    member.records.set(key, payload);
    member.program?.put(member.host.now, KIND, key, Buffer.from(payload));
    member.host.schedule();
    return payload;
  }

  remove(member: Member, key: string): void {
    member.records.delete(key);
    member.program?.remove(member.host.now, KIND, key);
    member.host.schedule();
  }

  setTags(member: Member): void {
    member.tag = String(++this.#versions);
    member.program?.setTags(member.host.now, tagsOf(member));
    member.host.schedule();
  }

  event(member: Member, name: string): void {
    member.program?.userEvent(member.host.now, name, NONE);
    member.host.schedule();
  }

  #add(index: number): void {
    const { drift = 0, wrong = 0 } = this.#options;
    const addr = Uint8Array.of(10, index >> 16, (index >> 8) & 255, index & 255);
    const reading = between(this.#random, ...CLOCKS);
    const host = new Host({
      index,
      name: `n${String(index).padStart(4, '0')}`,
      endpoint: { addr, port: PORT },
      clock: new HostClock(reading, 1 + between(this.#random, -drift, drift)),
      events: this.events,
    });
    this.network.add(host);
    const member = new Member(host);
    const most = this.#random() < wrong ? WRONG_BY : SKEW;
    member.skew = between(this.#random, -most, most);
    this.members.push(member);
  }

  #program(member: Member, remembered: Remembered | undefined): GossipNode {
    const { host } = member;
    const { serf = SERF, records = RECORDS } = this.#options;
    return new GossipNode({
      name: host.name,
      advertise: host.endpoint,
      tags: tagsOf(member),
      settings: this.#settings,
      serf,
      records,
      epoch: Math.floor(this.#wall(member)),
      label: NONE,
      keyring: [],
      random: stream(this.seed, host.name, this.#versions),
      now: host.now,
      wallClock: () => this.#wall(member),
      emit: (effect) => this.network.emit(host, effect),
      notify: (event) => this.#notify(member, event),
      seeds: () => this.#seeds(member),
      ...(remembered === undefined ? {} : { remembered }),
    });
  }

  #wall({ skew }: Member): number {
    return NEW_YEAR + this.now + skew;
  }

  #notify(at: Member, event: NodeEvent): void {
    for (const observer of this.observers) {
      if (event.kind === 'member') observer.changed?.(at, event);
      else if (event.kind === 'event') observer.heard?.(at, event.name);
      else if (event.kind === 'record') observer.recorded?.(at, event.change);
    }
  }

  /** What the leases say: a few hosts, whether they run or not. */
  #seeds(member: Member): Endpoint[] {
    const others = this.members.slice(0, SEEDS + 1).filter((other) => other !== member);
    return others.slice(0, SEEDS).map(({ host }) => host.endpoint);
  }

  #seedsFor(member: Member): Endpoint[] {
    const up = this.up.filter((other) => other !== member);
    const seeds = this.#seeds(member);
    const anybody = up[Math.floor(this.#random() * up.length)];
    return anybody === undefined ? seeds : [anybody.host.endpoint, ...seeds.slice(0, 1)];
  }
}

function tagsOf({ tag }: Member): ReadonlyMap<string, string> {
  return new Map([['run', tag]]);
}
