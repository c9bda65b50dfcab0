/**
 * One whole member of weft's gossip, pure: a Serf member whose extension is the record table. Every input takes the
 * real time first, in ms on a clock that never goes back; what is due by then happens before it.
 */
import type { Keyring, Message, StreamMessage, Tags } from './codec/index.ts';
import type { Emit, Endpoint } from './effects.ts';
import type { Random } from './random.ts';
import { Records, RECORDS, type Change, type RecordSettings } from './records/index.ts';
import {
  Serf,
  type JoinResult,
  type KeyOperation,
  type KeyResult,
  type QueryHandlers,
  type QueryOptions,
  type Remembered,
  type RunningQuery,
  type SerfEvent,
  type SerfMemberView,
  type SerfSettings,
} from './serf/index.ts';
import { transmissions, type Settings } from './swim/settings.ts';
import { Timers } from './timers.ts';

/** The tag that weft's members have, and the version of what they say to each other beside Serf's messages. */
const WEFT_TAG = 'weft';
const WEFT_VERSION = '1';

export type NodeEvent = SerfEvent | { readonly kind: 'record'; readonly change: Change };

export interface NodeOptions {
  readonly name: string;
  /** Where others reach us; a v4 address in 4 bytes. */
  readonly advertise: Endpoint;
  /** Without WEFT_TAG. */
  readonly tags: Tags;
  readonly settings: Settings;
  readonly serf?: SerfSettings;
  readonly records?: RecordSettings;
  /** As RecordsOptions has it: the wall clock in ms. */
  readonly epoch?: number;
  /** Empty for none. */
  readonly label: Uint8Array;
  /** Empty: plain. */
  readonly keyring: Keyring;
  readonly random: Random;
  /** The real time. */
  readonly now: number;
  /** Ms since 1970, about as on the other hosts: then members take turns in probing. */
  readonly wallClock?: (() => number) | undefined;
  readonly emit: Emit;
  /** Called while an input is being worked on: it must not call back. */
  readonly notify: (event: NodeEvent) => void;
  /** Where members may be, asked each time somebody is looked for. */
  readonly seeds?: () => readonly Endpoint[];
  readonly remembered?: Remembered;
}

export class GossipNode {
  readonly #timers: Timers;
  readonly #serf: Serf;
  readonly #records: Records;

  /** Throws a RangeError for tags that do not fit. */
  constructor(options: NodeOptions) {
    const { name, advertise, settings, random, notify, now } = options;
    this.#timers = new Timers(now);
    this.#records = new Records({
      name,
      advertise,
      settings: options.records ?? RECORDS,
      transmissions: (size) => transmissions(settings, size),
      ...(options.epoch === undefined ? {} : { epoch: options.epoch }),
      random,
      timers: this.#timers,
      sendStream: (...message) => this.#serf.swim.sendUserStream(...message),
      gossipSoon: () => this.#serf.swim.gossipSoon(),
      notify: (change) => notify({ kind: 'record', change }),
    });
    const { seeds, remembered, serf } = options;
    this.#serf = new Serf({
      name,
      advertise,
      tags: withWeft(options.tags),
      settings,
      ...(serf === undefined ? {} : { serf }),
      label: options.label,
      keyring: options.keyring,
      random,
      timers: this.#timers,
      wallClock: options.wallClock,
      emit: options.emit,
      notify,
      extension: this.#records,
      ...(seeds === undefined ? {} : { seeds }),
      ...(remembered === undefined ? {} : { remembered }),
    });
  }

  /** The real time of the next `tick`; Infinity for none. */
  get due(): number {
    return this.#timers.due;
  }

  /** Time awake, in which members have their `since`. */
  get awake(): number {
    return this.#timers.now;
  }

  start(now: number): void {
    this.#timers.advance(now);
    this.#serf.start();
  }

  tick(now: number): void {
    this.#timers.advance(now);
  }

  packet(now: number, from: Endpoint, message: Message): void {
    this.#timers.advance(now);
    this.#serf.swim.packet(from, message);
  }

  /** The answer, if there is one. */
  request(now: number, from: Endpoint, message: StreamMessage): StreamMessage | undefined {
    this.#timers.advance(now);
    return this.#serf.swim.request(from, message);
  }

  answered(now: number, id: number, message: StreamMessage | undefined): void {
    this.#timers.advance(now);
    this.#serf.swim.answered(id, message);
  }

  failed(now: number, id: number, problem: string): void {
    this.#timers.advance(now);
    this.#serf.swim.failed(id, problem);
  }

  /** Tries each endpoint once. `replay`: be told of recent events that were before. */
  join(
    now: number,
    endpoints: readonly Endpoint[],
    done: (result: JoinResult) => void,
    options: { readonly replay?: boolean } = {},
  ): void {
    this.#timers.advance(now);
    this.#serf.join(endpoints, done, options);
  }

  /** Says goodbye; `done` when nobody needs us any more. */
  leave(now: number, done: () => void): void {
    this.#timers.advance(now);
    this.#serf.leave(done);
  }

  /** Throws a RangeError when they do not fit. */
  setTags(now: number, tags: Tags): void {
    this.#timers.advance(now);
    this.#serf.setTags(withWeft(tags));
  }

  /** Throws a RangeError when it is too long. */
  userEvent(
    now: number,
    name: string,
    payload: Uint8Array,
    options: { readonly coalesce?: boolean } = {},
  ): void {
    this.#timers.advance(now);
    this.#serf.userEvent(name, payload, options);
  }

  /** Throws a RangeError as Serf.query does. */
  query(
    now: number,
    name: string,
    options: QueryOptions = {},
    handlers: QueryHandlers = {},
  ): RunningQuery {
    this.#timers.advance(now);
    return this.#serf.query(name, options, handlers);
  }

  /** Asks every member, ourselves included; `key` for all but `list`. */
  keys(
    now: number,
    operation: KeyOperation,
    key: Uint8Array | undefined,
    done: (result: KeyResult) => void,
  ): void {
    this.#timers.advance(now);
    this.#serf.keys(operation, key, done);
  }

  /** Throws a RangeError for no such member. */
  forceLeave(now: number, name: string, options: { readonly prune?: boolean } = {}): void {
    this.#timers.advance(now);
    this.#serf.forceLeave(name, options);
  }

  /** Throws a RangeError as Records.put does. */
  put(now: number, kind: string, key: string, payload: Uint8Array): void {
    this.#timers.advance(now);
    this.#records.put(kind, key, payload);
  }

  /** False if it was not there. */
  remove(now: number, kind: string, key: string): boolean {
    this.#timers.advance(now);
    return this.#records.remove(kind, key);
  }

  get keyring(): Keyring {
    return this.#serf.keyring;
  }

  member(name: string): SerfMemberView | undefined {
    return this.#serf.member(name);
  }

  /** Of every status, ourselves among them. */
  members(): SerfMemberView[] {
    return this.#serf.members();
  }

  /** What to keep for the next start. */
  snapshot(): Remembered {
    return this.#serf.snapshot();
  }

  /** To read. */
  get records(): Pick<Records, 'get' | 'find' | 'list' | 'of' | 'digest'> {
    return this.#records;
  }

  /** Plain numbers by part, for metrics. */
  get counts(): {
    readonly swim: Serf['swim']['counts'];
    readonly serf: Serf['counts'];
    readonly records: Records['counts'];
  } {
    return {
      swim: this.#serf.swim.counts,
      serf: this.#serf.counts,
      records: this.#records.counts,
    };
  }
}

/** What is said of ourselves besides `tags`. */
export function withWeft(tags: Tags): Tags {
  return new Map([...tags, [WEFT_TAG, WEFT_VERSION]]);
}
