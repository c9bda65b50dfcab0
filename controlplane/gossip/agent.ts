/**
 * A member of the gossip on this host: the pure node with sockets, clock and files. It is there at once, and listens
 * as soon as it can; what is put before that is said then.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Keyring, Refusal, Tags } from './codec/index.ts';
import type { Endpoint } from './effects.ts';
import {
  addressText,
  endpointText,
  findPlace,
  isOwn,
  Transport,
  type Place,
  type Receiver,
  type TransportCounts,
} from './net/index.ts';
import { GossipNode, type NodeEvent } from './node.ts';
import type {
  IncomingQuery,
  JoinResult,
  KeyOperation,
  KeyResult,
  MemberStatus,
  NameConflict,
  QueryHandlers,
  QueryOptions,
  RunningQuery,
  SerfMemberView,
} from './serf/index.ts';
import { GossipError } from './shell/error.ts';
import { Joiner } from './shell/joiner.ts';
import { Kept } from './shell/kept.ts';
import { listenProblem } from './shell/listening.ts';
import {
  checkOptions,
  checkTags,
  DEFAULT_PORT,
  type CheckedOptions,
  type GossipOptions,
} from './shell/options.ts';
import { parseHostPort, resolvePlaces } from './shell/places.ts';
import { Problems, type GossipProblem } from './shell/problems.ts';
import { refusalMessage } from './shell/refusals.ts';
import { Runner } from './shell/runner.ts';
import { LAN, type Settings } from './swim/settings.ts';

/** Between two attempts to listen, in ms; doubled up to the last. */
const FIRST_PAUSE = 1_000;
const LAST_PAUSE = 30_000;
/** In ms: so long a problem that somebody else causes is remembered after the last time. */
const PROBLEM_LASTS = 600_000;

export interface GossipMember {
  readonly name: string;
  /** ADDRESS:PORT, as it tells the others. */
  readonly address: string;
  readonly status: MemberStatus;
  readonly tags: Tags;
  /** Estimate of the way to it and back, in ms; undefined until there is one, and of ourselves. */
  readonly rtt: number | undefined;
  /** Since when it has this status, as seen from here. */
  readonly since: Date;
  readonly incarnation: number;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly vsn: Uint8Array;
  /** This one. */
  readonly isSelf: boolean;
}

/** Plain numbers, for metrics. */
export interface GossipCounts {
  readonly net: Readonly<TransportCounts>;
  /** Why the last packet could not be sent: an errno's name; undefined while they go. */
  readonly sendProblem: string | undefined;
  /** Undefined until it listens. */
  readonly node: GossipNode['counts'] | undefined;
  /** By status, this one included. */
  readonly members: Readonly<Record<MemberStatus, number>>;
}

/** Throws a GossipError for options that cannot be. */
export function startGossip(options: GossipOptions): GossipAgent {
  return new GossipAgent(options, checkOptions(options));
}

export class GossipAgent {
  readonly #options: GossipOptions;
  readonly #checked: CheckedOptions;
  readonly #settings: Settings;
  readonly #problems: Problems;
  readonly #kept: Kept;
  readonly #transport: Transport;
  readonly #runner: Runner;
  readonly #joiner: Joiner;
  readonly #listeners = new Set<(event: NodeEvent) => void>();
  readonly #stop = new AbortController();
  /** Until it listens for the first time, or is stopped. */
  readonly #listening: Promise<void>;
  /** Of the start; those of the node are newer. */
  readonly #keyring: Keyring;
  #tags: Tags;
  #advertised: Endpoint | undefined;
  /** What is to be said of this host as soon as there is a node. */
  readonly #early = new Map<string, () => void>();
  #stopped: Promise<void> | undefined;

  constructor(options: GossipOptions, checked: CheckedOptions) {
    const { now = () => performance.now(), random = Math.random } = options;
    this.#options = options;
    this.#checked = checked;
    this.#settings = options.settings ?? LAN;
    this.#tags = checked.tags;
    this.#problems = new Problems(() => Date.now(), {
      told: ({ message }) => options.log?.('warn', message),
      changed: () => options.onProblems?.(),
    });
    this.#kept = new Kept(options, this.#problems);
    this.#keyring = this.#kept.loadKeys(options.keyring ?? []);
    this.#transport = new Transport({
      label: checked.label,
      keyring: () => this.#runner.node?.keyring ?? this.#keyring,
      now,
      streamTimeout: this.#settings.streamTimeout,
      receiver: this.#receiver(),
    });
    this.#runner = new Runner({
      now,
      flush: this.#transport.flush,
      tell: (event) => this.#tell(event),
    });
    this.#joiner = new Joiner({
      places: checked.places,
      random,
      now,
      isOwn: (endpoint) => this.#isOwn(endpoint),
      hasCompany: () => this.members().some(({ status, isSelf }) => status === 'alive' && !isSelf),
      join: (endpoints) => this.#joinAny(endpoints),
      report: (problem) => this.#reportJoin(problem),
    });
    this.#listening = this.#start(now, random);
  }

  /** Resolves when it listens for the first time; rejects with a GossipError if it is stopped before. */
  async ready(): Promise<void> {
    await this.#listening;
    if (this.#runner.node === undefined) throw new GossipError('stopped', 'gossip was stopped');
  }

  get name(): string {
    return this.#options.name;
  }

  /** What others are told, ADDRESS:PORT; undefined until it listens. */
  get address(): string | undefined {
    return this.#advertised && endpointText(this.#advertised);
  }

  get endpoint(): Endpoint | undefined {
    return this.#advertised;
  }

  get isEncrypted(): boolean {
    return (this.#runner.node?.keyring ?? this.#keyring).length > 0;
  }

  /** Of every status, this one among them; none until it listens. */
  members(): GossipMember[] {
    return this.#runner.node?.members().map((view) => this.memberOf(view)) ?? [];
  }

  /** For the views that events hold. */
  memberOf(view: SerfMemberView): GossipMember {
    const { name, tags, status, rtt, since, incarnation, vsn } = view;
    const ago = (this.#runner.node?.awake ?? since) - since;
    return {
      name,
      address: endpointText(view),
      status,
      tags,
      rtt,
      since: new Date(Date.now() - ago),
      incarnation,
      vsn,
      isSelf: name === this.#options.name,
    };
  }

  /** Calls `listener` with every event, after what caused it is done; until the function it gives is called. */
  watch(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** The oldest first. */
  problems(): GossipProblem[] {
    return this.#problems.list();
  }

  get counts(): GossipCounts {
    const { node } = this.#runner;
    const members = { alive: 0, leaving: 0, left: 0, failed: 0 };
    for (const { status } of node?.members() ?? []) members[status]++;
    const { counts: net, sendProblem } = this.#transport;
    return { net, sendProblem, node: node?.counts, members };
  }

  /** Tries every address of each place once. Rejects with a GossipError. `replay`: be told of events that were before. */
  async join(
    places: readonly string[],
    options: { readonly replay?: boolean } = {},
  ): Promise<JoinResult> {
    const port = this.#options.port || DEFAULT_PORT;
    const parsed = places.map((text) => parseHostPort(text, port));
    await this.ready();
    const { endpoints, problems } = await resolvePlaces(parsed);
    if (endpoints.length === 0) throw new GossipError('join', problems.join('; '));
    return this.#join(endpoints, options);
  }

  /** Throws a GossipError when they do not fit. */
  setTags(tags: Tags): void {
    this.#tags = checkTags(tags);
    if (this.#runner.node !== undefined) this.#do((node, now) => node.setTags(now, tags));
  }

  /** Throws a RangeError when it is too long, a GossipError before it listens. */
  userEvent(name: string, payload: Uint8Array, options?: { readonly coalesce?: boolean }): void {
    this.#do((node, now) => node.userEvent(now, name, payload, options));
  }

  /** Throws a RangeError as Serf.query does, a GossipError before it listens. */
  query(name: string, options?: QueryOptions, handlers?: QueryHandlers): RunningQuery {
    const query = this.#do((node, now) => node.query(now, name, options, handlers));
    return { deadline: query.deadline, close: () => this.#do(() => query.close()) };
  }

  /** Asks every member; `key` for all but `list`. Rejects with a GossipError before it listens, and when it is stopped. */
  keys(operation: KeyOperation, key?: Uint8Array): Promise<KeyResult> {
    return this.#outcome((resolve) =>
      this.#do((node, now) => node.keys(now, operation, key, resolve)),
    );
  }

  /** Throws a RangeError for no such member, a GossipError before it listens. */
  forceLeave(name: string, options?: { readonly prune?: boolean }): void {
    this.#do((node, now) => node.forceLeave(now, name, options));
  }

  /** A record of this host, for all weft members. Throws a RangeError as Records.put does. */
  put(kind: string, key: string, payload: Uint8Array): void {
    const say = (): void => this.#do((node, now) => node.put(now, kind, key, payload));
    if (this.#runner.node === undefined) this.#early.set(`${kind}\n${key}`, say);
    else say();
  }

  /** False if there was none. */
  remove(kind: string, key: string): boolean {
    if (this.#runner.node === undefined) return this.#early.delete(`${kind}\n${key}`);
    return this.#do((node, now) => node.remove(now, kind, key));
  }

  /** A packet of `length` bytes to which every member answers where it came from; undefined if none is so short. */
  ping(seqNo: number, length: number): Uint8Array | undefined {
    return this.#transport.ping(seqNo, length);
  }

  /** Tells the number of the ping that the packet answers, if it does; what is gossiped beside the answer is heard. */
  answer(packet: Uint8Array, from: Endpoint, answered: (seqNo: number) => void): void {
    this.#transport.answer(packet, from, answered);
  }

  /** What all hosts say, to read; undefined until it listens. */
  get records(): GossipNode['records'] | undefined {
    return this.#runner.node?.records;
  }

  /** `leave`: tell all that we go, so that nobody looks for us; without, we are taken for failed. Never rejects. */
  stop({ leave = false }: { readonly leave?: boolean } = {}): Promise<void> {
    this.#stopped ??= this.#end(leave);
    return this.#stopped;
  }

  async #end(leave: boolean): Promise<void> {
    this.#stop.abort();
    this.#joiner.stop();
    await this.#listening;
    const { node } = this.#runner;
    if (leave && node !== undefined)
      await new Promise<void>((resolve) => {
        this.#runner.input(node, (now) => node.leave(now, resolve));
      });
    this.#runner.stop();
    if (node !== undefined) this.#kept.keepSnapshot(node.snapshot());
    await Promise.all([this.#transport.close(), this.#kept.settled()]);
  }

  async #start(now: () => number, random: () => number): Promise<void> {
    await this.#listen(this.#options.port);
    const { bound } = this.#transport;
    if (bound === undefined) return;
    const { advertise, label } = this.#checked;
    this.#advertised = {
      addr: advertise.addr ?? bound.place.addr,
      port: advertise.port ?? bound.port,
    };
    const remembered = this.#kept.loadSnapshot();
    const { seeds = () => [], serf } = this.#options;
    const node = new GossipNode({
      name: this.#options.name,
      advertise: this.#advertised,
      tags: this.#tags,
      settings: this.#settings,
      ...(serf === undefined ? {} : { serf }),
      epoch: Date.now(),
      wallClock: () => Date.now(),
      label,
      keyring: this.#keyring,
      random,
      now: now(),
      emit: (effect) => this.#transport.emit(effect),
      notify: this.#runner.notify,
      seeds: () => [...this.#joiner.endpoints(), ...seeds()].filter((at) => !this.#isOwn(at)),
      ...(remembered === undefined ? {} : { remembered }),
    });
    this.#runner.start(node);
    this.#options.log?.(
      'info',
      `gossip listens as ${this.name} on ${endpointText(this.#advertised)}`,
    );
    this.#sayEarly();
    void this.#joiner.run();
  }

  #sayEarly(): void {
    for (const [record, say] of this.#early) {
      try {
        say();
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        this.#problems.set('record', record, error.message, PROBLEM_LASTS);
      }
    }
    this.#early.clear();
  }

  /** Tries until it listens, or is stopped. */
  async #listen(port: number): Promise<void> {
    const { bind } = this.#options;
    const { signal } = this.#stop;
    for (let wait = FIRST_PAUSE; !signal.aborted; wait = Math.min(LAST_PAUSE, 2 * wait)) {
      try {
        await this.#transport.open(placeOf(bind), port);
        this.#problems.clear('listen');
        return;
      } catch (error) {
        this.#problems.set('listen', '', listenProblem(`${bind} port ${port}`, error));
      }
      await pause(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  #receiver(): Receiver {
    const hand = <T>(run: (node: GossipNode, now: number) => T): T | undefined => {
      const { node } = this.#runner;
      return node && this.#runner.input(node, (now) => run(node, now));
    };
    return {
      packet: (at, from, message) => hand((to) => to.packet(at, from, message)),
      request: (from, message) => hand((to, now) => to.request(now, from, message)),
      answered: (id, message) => hand((to, now) => to.answered(now, id, message)),
      failed: (id, problem) => hand((to, now) => to.failed(now, id, problem)),
      refused: (from, refusal) => this.#refused(from, refusal),
      broken: (error) => {
        this.#problems.set('listen', '', `gossip lost its socket (${error.code ?? error.message})`);
        void this.#listen(this.#transport.bound?.port ?? this.#options.port);
      },
    };
  }

  /** Throws a GossipError before it listens, and when it is stopped. */
  #do<T>(run: (node: GossipNode, now: number) => T): T {
    const { node } = this.#runner;
    if (this.#stop.signal.aborted) throw new GossipError('stopped', 'gossip was stopped');
    if (node === undefined)
      throw new GossipError('not-listening', 'gossip does not listen yet: see what hinders it');
    return this.#runner.input(node, (now) => run(node, now));
  }

  #join(
    endpoints: readonly Endpoint[],
    options: { readonly replay?: boolean },
  ): Promise<JoinResult> {
    return this.#outcome((resolve) =>
      this.#do((node, now) => node.join(now, endpoints, resolve, options)),
    );
  }

  /** Rejects when this is stopped before. */
  #outcome<T>(begin: (resolve: (value: T) => void) => void): Promise<T> {
    const { signal } = this.#stop;
    return new Promise((resolve, reject) => {
      const stopped = (): void => reject(new GossipError('stopped', 'gossip was stopped'));
      signal.addEventListener('abort', stopped, { once: true });
      begin((value) => {
        signal.removeEventListener('abort', stopped);
        resolve(value);
      });
    });
  }

  async #joinAny(endpoints: readonly Endpoint[]): Promise<string | undefined> {
    const { joined, problems } = await this.#join(endpoints, {});
    if (joined > 0) return undefined;
    return problems.map(({ to, problem }) => `${endpointText(to)}: ${problem}`).join('; ');
  }

  #reportJoin(problem: string | undefined): void {
    if (problem === undefined) this.#problems.clear('join');
    else
      this.#problems.set(
        'join',
        '',
        `nobody was found where gossip is told to join (${problem}); it is tried again`,
      );
  }

  #refused(from: Endpoint, { reason }: Refusal): void {
    const address = addressText(from.addr) ?? '';
    const message = refusalMessage(address, reason);
    this.#problems.set('refused', `${address} ${reason}`, message, PROBLEM_LASTS);
  }

  #isOwn(endpoint: Endpoint): boolean {
    if (endpointText(endpoint) === this.address) return true;
    const { bound } = this.#transport;
    return bound !== undefined && isOwn(endpoint, bound);
  }

  #tell(event: NodeEvent): void {
    const { node } = this.#runner;
    if (event.kind === 'keyring') this.#kept.keepKeys(event.keyring);
    if (event.kind === 'conflict') this.#toldConflict(event);
    if (event.kind !== 'record' && node !== undefined)
      this.#kept.keepSnapshotSoon(() => node.snapshot());
    const told = event.kind === 'query' ? this.#answerable(event) : event;
    for (const listener of this.#listeners) listener(told);
  }

  /** An answer is an input, too. */
  #answerable(query: IncomingQuery): IncomingQuery {
    return { ...query, respond: (payload) => this.#do(() => query.respond(payload)) };
  }

  #toldConflict({ name, other }: NameConflict): void {
    const message = `${endpointText(other)} uses the name ${name} of another member: give one of the two another name`;
    this.#problems.set('name', name, message, PROBLEM_LASTS);
  }
}

/** Throws an Error that says what to do. */
function placeOf(bind: string): Place {
  const found = findPlace(bind);
  if (!found.ok) throw new Error(found.problem);
  return found.place;
}
