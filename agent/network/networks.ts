/** The networks that users have made, followed in etcd, and how they are created and removed: the shell around the table and the choice. */
import { EtcdError } from '../etcd/errors.ts';
import { follow } from '../etcd/follow.ts';
import type { Pool } from '../ip/pool.ts';
import type { Prefix } from '../ip/prefix.ts';
import { pauseBefore, sleep, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { PerFamily } from '../state/facts.ts';
import { isRefused } from '../subnet/parsed.ts';
import {
  chooseSubnets,
  chooseVni,
  NETWORK_LIMIT,
  occupiedBy,
  type Occupied,
  type SubnetWish,
} from './choice.ts';
import {
  formatDefinition,
  parseDefinition,
  problemOf,
  type NetworkDefinition,
} from './definition.ts';
import { NetworkError } from './errors.ts';
import type { NetworkEntry, NetworkRegistry } from './registry.ts';
import { NetworkTable, type NetworkChange } from './table.ts';

/** What is asked for; the rest is chosen. */
export type NetworkRequest = Omit<NetworkDefinition, 'vni' | 'subnets' | 'created'> & {
  readonly subnets: PerFamily<SubnetWish>;
};

/** What the hosts say of their routes. */
export interface RouteReport {
  readonly routes: readonly Occupied[];
  /** Hosts that did not answer. */
  readonly silent: readonly string[];
  /** Some had more than they could say. */
  readonly isCut: boolean;
}

/** Whatever is somebody's beside networks. */
export interface Neighbourhood {
  /** The leased ranges. */
  readonly leased: readonly Occupied[];
  readonly meshVnis: readonly number[];
}

export interface NetworksParts {
  readonly registry: NetworkRegistry;
  readonly store: {
    load(): readonly NetworkDefinition[];
    save(networks: Iterable<NetworkDefinition>): void;
  };
  readonly pools: readonly Pool[];
  readonly neighbourhood: () => Neighbourhood;
  /** Routes of any host that overlap one of these and are not weft's. Never rejects. */
  readonly routesOver: (prefixes: readonly Prefix[]) => Promise<RouteReport>;
  /** Who is in it, on all hosts, as far as known: `web (ctr:web) on h1`. */
  readonly endpointsIn: (name: string) => readonly string[];
  /** Who has addresses of it in etcd, from the values there: `h1`. */
  readonly holdersIn: (values: readonly string[]) => readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly now: () => Date;
  readonly log: { warn(fields: object, message: string): void };
  /** What `problems` says may be another. */
  readonly troubled: () => void;
}

export interface Created {
  readonly definition: NetworkDefinition;
  /** Hosts that did not say whether they have a route there. */
  readonly silent: readonly string[];
}

/** Others may create networks at the same moment; each of them wins once. */
const TRIES = 40;
const RETRY: Backoff = { first: 10, factor: 2, limit: 500 };
/** Who has just left a network gives its addresses back after that; so long it is waited for, in tries and ms. */
const LEAVE_TRIES = 15;
const LEAVE_PAUSE = 200;
/** Candidates of a pool that are asked about one by one, when hosts have more routes than they can say at once. */
const POOL_ROUNDS = 16;
/** Changes come in bursts; they are kept this long after the first, in ms. */
const SAVE_PAUSE = 50;
/** Names in a sentence. */
const NAMED = 5;

export class Networks {
  readonly #parts: NetworksParts;
  readonly #table = new NetworkTable();
  readonly #listeners = new Set<(change: NetworkChange) => void>();
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #turns: Promise<unknown> = Promise.resolve();
  #isSynced = false;
  #cancelSave: (() => void) | undefined;
  #outage: string | undefined;

  constructor(parts: NetworksParts) {
    this.#parts = parts;
  }

  /** Takes up what was kept, and follows etcd from then on. Throws FileError. */
  start(): void {
    this.#tell(this.#table.resume(this.#parts.store.load()));
    const { registry, clock, random } = this.#parts;
    this.#loop = follow(
      {
        list: async () => {
          const { revision, entries } = await registry.list();
          this.#listed(entries);
          return revision;
        },
        watch: (from, signal) => registry.watch(from, signal),
        changed: ({ events }) => {
          this.#outage = undefined;
          this.#tell(events.flatMap((event) => this.#table.apply(event)));
        },
        failed: (cause) => (this.#outage = messageOf(cause)),
        clock,
        random,
      },
      this.#stop.signal,
    );
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    if (this.#cancelSave !== undefined) this.#save();
    await this.#loop;
  }

  get(name: string): NetworkDefinition | undefined {
    return this.#table.networks.get(name);
  }

  /** In force. */
  list(): Iterable<NetworkDefinition> {
    return this.#table.networks.values();
  }

  /** etcd has been read since the start; before, these are those of the last run. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Why etcd cannot be read at the moment. */
  get outage(): string | undefined {
    return this.#outage;
  }

  /** Why what stands at a name in etcd is not in force, by name. */
  get problems(): ReadonlyMap<string, string> {
    return this.#table.problems;
  }

  /** Calls back for every change of what is in force; the returned function ends that. */
  onChange(listener: (change: NetworkChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The same id and name again is the same network. Rejects with a NetworkError, and nothing has changed. */
  async create(request: NetworkRequest): Promise<Created> {
    return await this.#inTurn(() => this.#create(request));
  }

  /** `id`: of the one that is meant; else the one that is found. Rejects with a NetworkError, and nothing has changed. */
  async remove(name: string, id?: string): Promise<NetworkDefinition> {
    return await this.#inTurn(() => this.#remove(name, id));
  }

  // ---- creating ----

  async #create(request: NetworkRequest): Promise<Created> {
    let report: RouteReport | undefined;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      await this.#pause(attempt);
      const { revision, entries } = await this.#listNow();
      const known = entries.find(({ name }) => name === request.name);
      if (known !== undefined) return { definition: sameOf(known, request), silent: [] };
      if (entries.length >= NETWORK_LIMIT)
        throw new NetworkError('full', `there are ${NETWORK_LIMIT} networks`, 'remove one');
      const networks = definitionsIn(entries);
      report ??= await this.#routesFor(request, networks);
      const definition = this.#define(request, networks, report.routes);
      if (await this.#written(definition, revision)) return { definition, silent: report.silent };
    }
    throw new NetworkError(
      'failed',
      `others change networks all the time; ${request.name} was not created`,
      'try again',
    );
  }

  /** Routes in the way of what is asked for, or of what the pools give. */
  async #routesFor(
    { subnets }: NetworkRequest,
    networks: readonly NetworkDefinition[],
  ): Promise<RouteReport> {
    const { pools, routesOver } = this.#parts;
    const wishes = Object.values(subnets);
    const chosen = wishes.flatMap((wish) => (wish === 'pool' ? [] : [wish.subnet]));
    const isFromPool = wishes.includes('pool');
    const asked = [...chosen, ...(isFromPool ? pools.map((pool) => pool.prefix) : [])];
    let report = await routesOver(asked);
    if (!isFromPool) return report;
    for (let round = 0; report.isCut && round < POOL_ROUNDS; round++) {
      const candidates = Object.values(this.#choose(subnets, networks, report.routes));
      const more = await routesOver(candidates.map(({ subnet }) => subnet));
      if (more.routes.length === 0) break;
      report = { ...report, routes: [...report.routes, ...more.routes] };
    }
    return report;
  }

  #choose(
    wishes: PerFamily<SubnetWish>,
    networks: readonly NetworkDefinition[],
    routes: readonly Occupied[],
  ): NetworkDefinition['subnets'] {
    const { pools, neighbourhood } = this.#parts;
    const occupied = [...occupiedBy(networks), ...neighbourhood().leased, ...routes];
    return chooseSubnets(wishes, occupied, pools);
  }

  #define(
    request: NetworkRequest,
    networks: readonly NetworkDefinition[],
    routes: readonly Occupied[],
  ): NetworkDefinition {
    const definition = {
      ...request,
      subnets: this.#choose(request.subnets, networks, routes),
      vni: chooseVni(networks, this.#parts.neighbourhood().meshVnis),
      created: this.#parts.now(),
    };
    const problem = problemOf(definition);
    if (problem !== undefined) throw new NetworkError('usage', problem);
    return definition;
  }

  /** False too when it is not known: the next list tells. */
  async #written(definition: NetworkDefinition, since: number): Promise<boolean> {
    const text = formatDefinition(definition);
    return await this.#parts.registry.create(definition.name, text, since).catch(() => false);
  }

  // ---- removing ----

  async #remove(name: string, meant: string | undefined): Promise<NetworkDefinition> {
    const { registry, clock, endpointsIn, holdersIn } = this.#parts;
    let id = meant;
    let removed: NetworkDefinition | undefined;
    for (let attempt = 0; attempt < LEAVE_TRIES; attempt++) {
      if (attempt > 0) await sleep(clock, LEAVE_PAUSE, this.#stop.signal);
      const { entries } = await this.#listNow();
      const entry = entries.find((each) => each.name === name);
      const standing = entry && standingAt(entry);
      id ??= standing?.id;
      if (entry === undefined || standing === undefined || standing.id !== id) {
        // The answer to an earlier try was lost, and somebody may have made another since.
        if (removed !== undefined) return removed;
        throw unknown(meant ?? name);
      }
      const endpoints = endpointsIn(name);
      if (endpoints.length > 0) throw used(name, `has endpoints: ${some(endpoints)}`);
      const { revision, values } = await this.#ask(() => registry.holders(standing.id));
      if (values.length > 0) {
        if (attempt + 1 < LEAVE_TRIES) continue;
        throw used(name, `has addresses that are in use on ${some(holdersIn(values))}`);
      }
      removed = standing;
      const isDone = await registry.remove(removed, entry.modRevision, revision).catch(() => false);
      if (isDone) return removed;
    }
    throw new NetworkError('failed', `the network ${name} could not be removed`, 'try again');
  }

  // ---- etcd ----

  #listed(entries: readonly NetworkEntry[]): void {
    this.#outage = undefined;
    const isFirst = !this.#isSynced;
    this.#isSynced = true;
    this.#tell(this.#table.list(entries));
    if (isFirst) this.#parts.troubled();
  }

  #tell(changes: readonly NetworkChange[]): void {
    for (const change of changes) for (const listener of this.#listeners) listener(change);
    this.#parts.troubled();
    if (changes.length > 0 && this.#isSynced)
      this.#cancelSave ??= this.#parts.clock.after(SAVE_PAUSE, () => this.#save());
  }

  #save(): void {
    this.#cancelSave?.();
    this.#cancelSave = undefined;
    try {
      this.#parts.store.save(this.list());
    } catch (cause) {
      this.#parts.log.warn({}, `${messageOf(cause)}; without etcd, a start would not know them`);
    }
  }

  #listNow() {
    return this.#ask(() => this.#parts.registry.list());
  }

  async #ask<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      if (!(cause instanceof EtcdError)) throw cause;
      throw new NetworkError('etcd', cause.message, undefined, cause);
    }
  }

  async #pause(attempt: number): Promise<void> {
    if (attempt === 0) return;
    const { clock, random } = this.#parts;
    await sleep(clock, pauseBefore(attempt - 1, RETRY, random), this.#stop.signal);
  }

  /** One after the other: those of one host shall not be in each other's way. */
  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turns.then(work, work);
    this.#turns = mine.catch(() => undefined);
    return await mine;
  }
}

function definitionsIn(entries: readonly NetworkEntry[]): NetworkDefinition[] {
  return entries.flatMap(({ name, text }) => {
    const parsed = parseDefinition(name, text);
    return isRefused(parsed) ? [] : [parsed.value];
  });
}

function standingAt({ name, text }: NetworkEntry): NetworkDefinition {
  const parsed = parseDefinition(name, text);
  if (!isRefused(parsed)) return parsed.value;
  throw new NetworkError('failed', `the definition of ${name} is damaged: ${parsed.reason}`);
}

/** What stands there already, if it is what was asked for before. */
function sameOf({ name, text }: NetworkEntry, { id }: NetworkRequest): NetworkDefinition {
  const parsed = parseDefinition(name, text);
  if (!isRefused(parsed) && parsed.value.id === id) return parsed.value;
  throw new NetworkError(
    'exists',
    `there is a network ${name} already`,
    'choose another name, or see weft network inspect',
  );
}

export function unknown(name: string): NetworkError {
  return new NetworkError(
    'unknown',
    `there is no network ${JSON.stringify(name)}`,
    'see weft network ls',
  );
}

function used(name: string, why: string): NetworkError {
  return new NetworkError('used', `the network ${name} ${why}`, 'detach them first');
}

function some(names: readonly string[]): string {
  const shown = names.slice(0, NAMED).join(', ');
  return names.length > NAMED ? `${shown} and ${names.length - NAMED} more` : shown;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
