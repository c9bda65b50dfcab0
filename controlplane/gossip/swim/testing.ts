/** A few members in one process, with virtual time and a network that can be broken. For tests. */
import { decodeMessage, NIL_BYTES, type Message } from '../codec/index.ts';
import type { Dial, Effect, Endpoint } from '../effects.ts';
import type { Random } from '../random.ts';
import { Timers } from '../timers.ts';
import type { Delegate } from './delegate.ts';
import type { Member, MemberState } from './member.ts';
import { LAN, type Settings } from './settings.ts';
import { Swim } from './swim.ts';

export const SERF_VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);

/** Always the same numbers for the same seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function endpoint(host: number): Endpoint {
  return { addr: Uint8Array.of(10, 0, host >> 8, host & 255), port: 7946 };
}

export function textBytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text));
}

/** Writes down what it is told. */
export class TestDelegate implements Delegate {
  readonly told: string[] = [];
  metaNow: Uint8Array = NIL_BYTES;
  state: Uint8Array = NIL_BYTES;
  queued: Uint8Array[] = [];

  meta(): Uint8Array {
    return this.metaNow;
  }

  ackPayload(): Uint8Array {
    return textBytes('ack');
  }

  acked(member: Member, rtt: number, payload: Uint8Array): void {
    this.told.push(`acked ${member.name} ${rtt} ${Buffer.from(payload).toString()}`);
  }

  user(payload: Uint8Array): void {
    this.told.push(`user ${Buffer.from(payload).toString()}`);
  }

  broadcasts(_room: number): readonly Uint8Array[] {
    return this.queued.splice(0);
  }

  localState(): Uint8Array {
    return this.state;
  }

  mergeState(state: Uint8Array, join: boolean): void {
    this.told.push(`merge ${Buffer.from(state).toString()} ${join}`);
  }

  joined({ name }: Member): void {
    this.told.push(`joined ${name}`);
  }

  left({ name, state }: Member): void {
    this.told.push(`${state} ${name}`);
  }

  updated({ name }: Member): void {
    this.told.push(`updated ${name}`);
  }

  reaped({ name }: Member): void {
    this.told.push(`reaped ${name}`);
  }

  conflict({ name }: Member, other: Member): void {
    this.told.push(`conflict ${name} ${other.addr.join('.')}`);
  }
}

export interface Sent {
  readonly from: number;
  readonly time: number;
  /** Messages of one packet have one number. */
  readonly packet: number;
  readonly to: Endpoint;
  readonly message: Message;
  readonly crc: boolean;
}

export interface Host {
  readonly index: number;
  readonly name: string;
  readonly swim: Swim;
  readonly timers: Timers;
  readonly delegate: TestDelegate;
  /** Gone: hears and says nothing. */
  dead: boolean;
  /** Its process stands still until then. */
  frozenUntil: number;
}

export interface NetOptions {
  readonly seed?: number;
  readonly settings?: Partial<Settings>;
  /** In ms, one way. */
  readonly delay?: number;
}

interface Event {
  readonly at: number;
  readonly order: number;
  readonly host: Host;
  readonly run: () => void;
}

export class Net {
  now = 0;
  readonly hosts: Host[] = [];
  /** Everything that was sent by packet, in order. */
  sent: Sent[] = [];
  /** Every stream that was opened, in order. */
  dials: (Dial & { readonly from: number })[] = [];
  /** Whether what one sends to another gets there. */
  passes: (from: number, to: number, kind: Effect['kind']) => boolean = () => true;
  readonly random: Random;
  readonly #settings: Settings;
  readonly #delay: number;
  #events: Event[] = [];
  #order = 0;
  #packets = 0;

  constructor({ seed = 1, settings = {}, delay = 1 }: NetOptions = {}) {
    this.random = seeded(seed);
    this.#settings = { ...LAN, ...settings };
    this.#delay = delay;
  }

  /** A host of the index, started. Takes the place of one that was there. */
  add(index: number, { name = `n${index}`, at = index } = {}): Host {
    const timers = new Timers(this.now);
    const delegate = new TestDelegate();
    const swim: Swim = new Swim({
      name,
      advertise: endpoint(at),
      vsn: SERF_VSN,
      settings: this.#settings,
      overhead: () => 2,
      random: this.random,
      timers,
      emit: (effect) => this.#emit(host, effect),
      delegate,
    });
    const host: Host = { index: at, name, swim, timers, delegate, dead: false, frozenUntil: 0 };
    const former = this.hosts.findIndex((other) => other.index === at);
    if (former >= 0) (this.hosts[former] as Host).dead = true;
    if (former >= 0) this.hosts[former] = host;
    else this.hosts.push(host);
    swim.start();
    return host;
  }

  /** So many hosts, joined to the first, as soon as all know all. */
  cluster(count: number): Host[] {
    const [first, ...others] = Array.from({ length: count }, (_, index) => this.add(index));
    for (const host of others) host.swim.join(endpoint((first as Host).index), () => {});
    this.runUntil(() => this.hosts.every(({ swim }) => swim.members.alive === count), 60_000);
    return this.hosts;
  }

  /** For so many ms. */
  run(time: number): void {
    const end = this.now + time;
    this.runUntil(() => false, time);
    this.now = end;
    for (const { timers, dead, frozenUntil } of this.hosts)
      if (!dead && frozenUntil <= end) timers.advance(end);
  }

  /** Until it is so, for `most` ms at most. Returns how long that took; Infinity if it is still not so. */
  runUntil(isSo: () => boolean, most: number): number {
    const start = this.now;
    while (!isSo()) {
      const next = this.#next();
      if (next === undefined || next.at > start + most) return Infinity;
      this.now = Math.max(this.now, next.at);
      this.#events = this.#events.filter((event) => event !== next.event);
      if (next.host.dead) continue;
      next.host.timers.advance(this.now);
      next.event?.run();
    }
    return this.now - start;
  }

  /** What `host` sent of this kind, since `sent` was emptied. */
  sentBy<K extends Message['kind']>(
    host: Host,
    kind: K,
  ): (Sent & { message: Extract<Message, { kind: K }> })[] {
    return this.sent.filter(
      (each): each is Sent & { message: Extract<Message, { kind: K }> } =>
        each.from === host.index && each.message.kind === kind,
    );
  }

  state(of: Host, about: Host): MemberState | undefined {
    return of.swim.members.get(about.name)?.state;
  }

  at({ addr, port }: Endpoint): Host | undefined {
    const [, , high = 0, low = 0] = addr.length === 16 ? addr.subarray(12) : addr;
    return this.hosts.find(({ index }) => index === high * 256 + low && port === 7946);
  }

  #next(): { at: number; host: Host; event: Event | undefined } | undefined {
    let next: { at: number; host: Host; event: Event | undefined } | undefined;
    for (const event of this.#events) {
      const at = Math.max(event.at, event.host.frozenUntil);
      if (next === undefined || at < next.at) next = { at, host: event.host, event };
    }
    for (const host of this.hosts) {
      if (host.dead) continue;
      const at = Math.max(host.timers.due, host.frozenUntil);
      if (at !== Infinity && (next === undefined || at < next.at))
        next = { at, host, event: undefined };
    }
    return next;
  }

  #after(delay: number, host: Host, run: () => void): void {
    this.#events.push({ at: this.now + delay, order: this.#order++, host, run });
  }

  #emit(from: Host, effect: Effect): void {
    if (from.dead) return;
    const target = this.at(effect.to);
    if (effect.kind === 'packet') {
      this.#packets++;
      for (const part of effect.parts) this.#deliver(from, target, part, effect);
      return;
    }
    const { id, message, answer, timeout } = effect;
    this.dials.push({ ...effect, from: from.index });
    const fail = (): void => this.#after(timeout, from, () => from.swim.failed(id, 'no answer'));
    if (target === undefined || target.dead) return fail();
    if (!this.passes(from.index, target.index, 'dial')) return fail();
    this.#after(3 * this.#delay, target, () => {
      const reply = target.swim.request(endpoint(from.index), message);
      const back = answer ? reply : undefined;
      if (answer && back === undefined) return fail();
      this.#after(this.#delay, from, () => from.swim.answered(id, back));
    });
  }

  #deliver(
    from: Host,
    target: Host | undefined,
    part: Uint8Array,
    { to, crc }: Extract<Effect, { kind: 'packet' }>,
  ): void {
    const decoded = decodeMessage(part);
    if (!decoded.ok) throw new Error(decoded.detail);
    const { now: time } = this;
    const { value: message } = decoded;
    this.sent.push({ from: from.index, time, packet: this.#packets, to, message, crc });
    if (target === undefined || target.dead) return;
    if (!this.passes(from.index, target.index, 'packet')) return;
    this.#after(this.#delay, target, () => target.swim.packet(endpoint(from.index), decoded.value));
  }
}
