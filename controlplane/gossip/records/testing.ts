/** For tests: hosts that keep records, in a network of virtual time that delays, loses, doubles and cuts. */
import { decodeMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { below, sample, type Random } from '../random.ts';
import type { MemberStatus } from '../serf/face.ts';
import { LAN, transmissions } from '../swim/settings.ts';
import { Timers } from '../timers.ts';
import { Records } from './records.ts';
import { RECORDS, type RecordSettings } from './settings.ts';
import type { Change } from './table.ts';

/** Chance that can be replayed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Weather {
  /** Share of packets lost, and doubled. */
  readonly loss: number;
  readonly doubled: number;
  /** Of packets, in ms; one in ten takes up to ten times as long. Streams take a tenth to come and time out at 10 s. */
  readonly delay: number;
}

export const CALM: Weather = { loss: 0, doubled: 0, delay: 5 };

/** In ms: between two rounds of gossip, a look at who is there, how long it takes to find that somebody is not. */
const ROUND = 200;
const LOOK = 500;
const DETECTION = 6_000;
const FAN_OUT = 3;
/** Bytes for gossip in one packet. */
const ROOM = 1_100;

interface Event {
  readonly at: number;
  readonly run: () => void;
}

export class Host {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly timers: Timers;
  readonly records: Records;
  readonly changes: Change[] = [];
  /** Others as it sees them, and since when it cannot reach them. */
  readonly sees = new Set<string>();
  readonly lost = new Map<string, number>();
  /** It has just found that it stood still. */
  isWaking = false;
  /** Of gossip, in the network's time. */
  lastRound = -Infinity;
  nextRound: number | undefined;
  state: 'up' | 'frozen' | 'down' | 'left' = 'up';

  constructor(network: Network, name: string, index: number, epoch: number) {
    this.name = name;
    this.endpoint = { addr: Uint8Array.of(10, 0, index >> 8, index & 255), port: 7946 };
    this.timers = new Timers(network.now);
    // Those who want to hear of a stall are called in the order in which they came: this is around the records.
    this.timers.onWake(() => (this.isWaking = true));
    this.records = new Records({
      name,
      advertise: this.endpoint,
      settings: network.settings,
      transmissions: (size) => transmissions(LAN, size),
      epoch,
      random: network.random,
      timers: this.timers,
      sendStream: (to, payload, done) => network.stream(this, to, payload, done),
      gossipSoon: () => network.gossipSoon(this),
      notify: (change) => {
        this.changes.push(change);
        network.watch?.(this, change);
      },
    });
    this.timers.onWake(() => (this.isWaking = false));
  }
}

export class Network {
  now = 0;
  readonly random: Random;
  readonly settings: RecordSettings;
  weather: Weather = CALM;
  readonly hosts: Host[] = [];
  /** Hosts of different parts do not hear each other. */
  readonly parts = new Map<string, number>();
  watch: ((host: Host, change: Change) => void) | undefined;
  counts = { packets: 0, streams: 0, bytes: 0, largest: 0, largestStream: 0 };
  readonly #events: Event[] = [];

  constructor(size: number, random: Random, settings: Partial<RecordSettings> = {}) {
    this.random = random;
    this.settings = { ...RECORDS, ...settings };
    for (let index = 0; index < size; index++)
      this.hosts.push(new Host(this, `host-${index}`, index, 0));
    this.#repeat(LOOK, () => this.#look());
  }

  host(index: number): Host {
    return this.hosts[index % this.hosts.length] as Host;
  }

  /** In its place comes one of the same name that knows nothing. */
  restart(index: number, epoch = 0): Host {
    const at = index % this.hosts.length;
    this.host(at).state = 'down';
    const host = new Host(this, `host-${at}`, at, epoch);
    this.hosts[at] = host;
    return host;
  }

  run(time: number): void {
    const end = this.now + time;
    for (;;) {
      const next = this.#next();
      if (next > end) break;
      this.now = Math.max(this.now, next);
      const event = this.#events[0];
      if (event !== undefined && event.at <= this.now) {
        this.#events.shift();
        event.run();
      }
      for (const host of this.hosts) if (host.timers.due <= this.now) this.#awake(host);
    }
    this.now = end;
    for (const host of this.hosts) this.#awake(host);
  }

  /** Whether it listens now; its time moves on if so. */
  #awake(host: Host): boolean {
    if (host.state !== 'up') return false;
    host.timers.advance(this.now);
    return true;
  }

  /** As Swim.gossipSoon. */
  gossipSoon(host: Host): void {
    if (host.state === 'down' || host.state === 'left' || host.nextRound !== undefined) return;
    host.nextRound = Math.max(this.now, host.lastRound + ROUND);
    this.#at(host.nextRound - this.now, () => this.#gossip(host));
  }

  stream(from: Host, to: Endpoint, payload: Uint8Array, done: (problem?: string) => void): void {
    this.counts.streams++;
    this.counts.bytes += payload.length;
    this.counts.largestStream = Math.max(this.counts.largestStream, payload.length);
    const bytes = Uint8Array.from(payload);
    const delay = 1 + this.random() * this.weather.delay * 0.1;
    const finish = (problem?: string): void => {
      if (this.#awake(from)) done(problem);
    };
    this.#at(delay, () => {
      const host = this.#hostAt(to);
      if (host === undefined || !this.#connects(from, host))
        return this.#at(10_000, () => finish('nobody answers'));
      if (this.#awake(host)) host.records.user(bytes);
      finish();
    });
  }

  #next(): number {
    let next = this.#events[0]?.at ?? Infinity;
    for (const host of this.hosts) if (host.state === 'up') next = Math.min(next, host.timers.due);
    return next;
  }

  #at(delay: number, run: () => void): void {
    const event = { at: this.now + delay, run };
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle] as Event).at <= event.at) low = middle + 1;
      else high = middle;
    }
    this.#events.splice(low, 0, event);
  }

  #repeat(period: number, run: () => void): void {
    this.#at(period, () => {
      run();
      this.#repeat(period, run);
    });
  }

  #connects(a: Host, b: Host): boolean {
    return (
      a.state === 'up' && b.state === 'up' && this.parts.get(a.name) === this.parts.get(b.name)
    );
  }

  #hostAt({ addr }: Endpoint): Host | undefined {
    return this.hosts[((addr[2] ?? 0) << 8) + (addr[3] ?? 0)];
  }

  #gossip(host: Host): void {
    host.nextRound = undefined;
    host.lastRound = this.now;
    // A stopped host's round is as late as the host.
    if (!this.#awake(host)) return this.gossipSoon(host);
    const others = this.hosts.filter(({ name }) => host.sees.has(name));
    for (const to of sample(this.random, others, FAN_OUT, () => true)) this.#packet(host, to);
    if ((host.records.counts['queued'] as number) > 0) this.gossipSoon(host);
  }

  #packet(from: Host, to: Host): void {
    const member = { name: to.name } as Parameters<Records['broadcasts']>[1];
    for (const message of from.records.broadcasts(ROOM, member)) {
      this.counts.packets++;
      this.counts.bytes += message.length;
      this.counts.largest = Math.max(this.counts.largest, message.length);
      this.#post(from, to.endpoint, message);
      if (this.random() < this.weather.doubled) this.#post(from, to.endpoint, message);
    }
  }

  #post(from: Host, to: Endpoint, message: Uint8Array): void {
    if (this.random() < this.weather.loss) return;
    const host = this.#hostAt(to);
    if (host === undefined || !this.#connects(from, host)) return;
    const slow = below(this.random, 10) === 0 ? 10 : 1;
    this.#at(this.random() * this.weather.delay * slow, () => {
      const decoded = decodeMessage(message);
      const receiver = this.#hostAt(to);
      if (receiver === undefined || !decoded.ok || decoded.value.kind !== 'user') return;
      if (this.#awake(receiver)) receiver.records.user(decoded.value.payload);
    });
  }

  #look(): void {
    for (const host of this.hosts)
      if (this.#awake(host)) for (const other of this.hosts) this.#lookAt(host, other);
  }

  /** What SWIM would find: who left at once, who fails after a time, who is back when it is heard. */
  #lookAt(host: Host, other: Host): void {
    if (host === other) return;
    if (this.#connects(host, other)) {
      host.lost.delete(other.name);
      if (host.sees.has(other.name) || this.random() < 0.3) return;
      host.sees.add(other.name);
      this.#tell(host, other, 'alive');
      return;
    }
    if (!host.sees.has(other.name)) return;
    const isReachable = this.parts.get(host.name) === this.parts.get(other.name);
    if (other.state === 'left' && isReachable) return this.#gone(host, other, 'left');
    const since = host.lost.get(other.name);
    if (since === undefined) host.lost.set(other.name, host.timers.now);
    else if (host.timers.now - since > DETECTION * (0.5 + this.random()))
      this.#gone(host, other, 'failed');
  }

  #gone(host: Host, other: Host, status: MemberStatus): void {
    host.lost.delete(other.name);
    host.sees.delete(other.name);
    this.#tell(host, other, status);
  }

  #tell(host: Host, other: Host, status: MemberStatus): void {
    host.records.memberChanged({
      name: other.name,
      ...other.endpoint,
      tags: new Map([['weft', '1']]),
      status,
      since: host.timers.now,
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      incarnation: 1,
      rtt: undefined,
    });
  }
}
