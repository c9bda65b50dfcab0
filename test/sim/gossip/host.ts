/** A machine of the simulation, the program on it, and what keeps that from running: slowness, a stop, a crash. */
import type { Message, StreamMessage } from '../../../controlplane/gossip/codec/index.ts';
import type { Endpoint } from '../../../controlplane/gossip/effects.ts';
import type { HostClock } from './clock.ts';
import { Event, type EventQueue } from './events.ts';

/** Bytes that wait for a program that does not read: Linux' net.core.rmem_max, each packet with its overhead. */
const SOCKET_BUFFER = 212_992;
export const PACKET_OVERHEAD = 768;
/** Connections that wait to be accepted: Node's default of listen(2)'s backlog. */
const BACKLOG = 511;
/** In ms: what the way to virtual time and back may lose. */
const ROUNDING = 0.001;

/** What runs on a host; `now` is what the host's clock shows. */
export interface Program {
  /** When it wants a tick. */
  readonly due: number;
  tick(now: number): void;
  packet(now: number, from: Endpoint, message: Message): void;
  request(now: number, from: Endpoint, message: StreamMessage): StreamMessage | undefined;
  answered(now: number, id: number, message: StreamMessage | undefined): void;
  failed(now: number, id: number, problem: string): void;
}

/** Something for the program to read. */
export interface Input {
  /** What it takes of the socket buffer; 0: a connection. */
  readonly bytes: number;
  handle(program: Program, now: number): void;
}

export interface HostOptions {
  readonly index: number;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly clock: HostClock;
  readonly events: EventQueue;
}

export class Host {
  readonly index: number;
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly clock: HostClock;
  readonly #events: EventQueue;
  #program: Program | undefined;
  /** Counts the starts: what was meant for a former program is not for this one. */
  run = 0;
  /** Whether the kernel answers: it refuses connections to a program that is gone. */
  isMachineUp = true;
  /** Ms that one turn of its event loop takes, however much it reads in it. */
  turn = 0;
  readonly counts = { packets: 0, bytes: 0, streams: 0, streamBytes: 0, overflown: 0 };
  #busyUntil = 0;
  #stoppedUntil = 0;
  #frozenUntil = 0;
  #isWaking = false;
  #tickAt = Infinity;
  #isTickDue = false;
  #inbox: Input[] = [];
  #waiting = { bytes: 0, connections: 0 };

  constructor({ index, name, endpoint, clock, events }: HostOptions) {
    this.index = index;
    this.name = name;
    this.endpoint = endpoint;
    this.clock = clock;
    this.#events = events;
  }

  /** What its clock shows. */
  get now(): number {
    return this.clock.read(this.#events.now);
  }

  get isRunning(): boolean {
    return this.#program !== undefined;
  }

  /** Whether the machine as a whole stands still, and not only the program: then its kernel does not answer either. */
  get isFrozen(): boolean {
    return this.#events.now < this.#frozenUntil;
  }

  /** Whether the program is stopped, alone or with its machine. */
  get isStopped(): boolean {
    return this.#events.now < this.#stoppedUntil;
  }

  start(program: Program): void {
    this.run++;
    this.#program = program;
    this.#busyUntil = 0;
    this.#stoppedUntil = 0;
    this.#tickAt = Infinity;
    this.#clear();
    this.schedule();
  }

  /** Gone without a word. */
  kill(): void {
    this.#program = undefined;
    this.#clear();
  }

  /** Does nothing for a while. `machine`: nor does its kernel, and its clock stands still, as of a virtual machine. */
  stop(ms: number, { machine }: { readonly machine: boolean }): void {
    const { now } = this.#events;
    if (machine) this.clock.stoodStill(now, now + ms);
    if (machine) this.#frozenUntil = now + ms;
    this.#stoppedUntil = now + ms;
    this.#busyUntil = now + ms;
    this.#wakeLater();
  }

  receive(input: Input): void {
    if (this.#program === undefined) return;
    if (this.#isWaking || this.#events.now < this.#busyUntil) return this.#keep(input);
    input.handle(this.#program, this.now);
    this.#turned();
  }

  /** Commands for the program, outside of all events. */
  schedule(): void {
    if (this.#program === undefined) return;
    const at = Math.max(this.clock.when(this.#program.due), this.#events.now);
    if (at >= this.#tickAt || at === Infinity) return;
    this.#tickAt = at;
    this.#events.add(at, new Tick(this, this.run));
  }

  /** Of a Tick only. */
  ticked(tick: Tick): void {
    const program = this.#program;
    if (program === undefined || tick.run !== this.run || tick.time !== this.#tickAt) return;
    this.#tickAt = Infinity;
    if (this.#isWaking || this.#events.now < this.#busyUntil) {
      this.#isTickDue = true;
      return this.#wakeLater();
    }
    this.#tick(program);
    this.#turned();
  }

  #tick(program: Program): void {
    const { now } = this;
    if (program.due - now < ROUNDING) program.tick(Math.max(now, program.due));
  }

  #turned(): void {
    if (this.turn > 0) this.#busyUntil = this.#events.now + this.turn;
    this.schedule();
  }

  /** The kernel keeps it, up to its bounds; beyond them it is lost. */
  #keep(input: Input): void {
    const { bytes } = input;
    const fits =
      bytes === 0
        ? this.#waiting.connections < BACKLOG
        : this.#waiting.bytes + bytes <= SOCKET_BUFFER;
    if (!fits) {
      this.counts.overflown++;
      return;
    }
    this.#waiting.bytes += bytes;
    if (bytes === 0) this.#waiting.connections++;
    this.#inbox.push(input);
    this.#wakeLater();
  }

  #wakeLater(): void {
    if (this.#isWaking) return;
    this.#isWaking = true;
    this.#events.add(this.#busyUntil, new Wake(this, this.run));
  }

  /** Of a Wake only: as libuv does, first what is due, then everything that waits. */
  woke(wake: Wake): void {
    if (wake.run !== this.run) return;
    this.#isWaking = false;
    const program = this.#program;
    if (program === undefined) return;
    if (this.#events.now < this.#busyUntil) return this.#wakeLater();
    if (this.#isTickDue) this.#tick(program);
    this.#isTickDue = false;
    const inbox = this.#inbox;
    this.#inbox = [];
    this.#waiting = { bytes: 0, connections: 0 };
    for (const input of inbox) if (this.#program === program) input.handle(program, this.now);
    this.#turned();
  }

  #clear(): void {
    this.#inbox = [];
    this.#waiting = { bytes: 0, connections: 0 };
    this.#isWaking = false;
    this.#isTickDue = false;
  }
}

class Tick extends Event {
  readonly #host: Host;
  readonly run: number;

  constructor(host: Host, run: number) {
    super();
    this.#host = host;
    this.run = run;
  }

  override fire(): void {
    this.#host.ticked(this);
  }
}

class Wake extends Event {
  readonly #host: Host;
  readonly run: number;

  constructor(host: Host, run: number) {
    super();
    this.#host = host;
    this.run = run;
  }

  override fire(): void {
    this.#host.woke(this);
  }
}
