/** This host's lease and its peers, kept from etcd: the shell around the holder and the table, with the timers and the watch. */
import { EventEmitter } from 'node:events';
import { EtcdError } from '../etcd/errors.ts';
import { follow } from '../etcd/follow.ts';
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { Clock, Random } from '../state/clock.ts';
import type { Lease, NetworkConfig, PerFamily } from '../state/facts.ts';
import { Holder, type Answer, type OwnAttributes, type HoldState, type Request } from './holder.ts';
import { LeaseTable, type LeaseChange, type Refusal, type Row } from './leases.ts';
import { sameSubnets, sharesAddress, type Identity } from './ownership.ts';
import { PeerFeed } from './peer-feed.ts';
import type { Registry, RegistryBatch } from './registry.ts';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface SubnetParts {
  readonly registry: Registry;
  readonly network: NetworkConfig;
  readonly identity: Identity;
  /** The subnets of the last run, from subnet.env. */
  readonly previous: PerFamily<Prefix>;
  /** What this host publishes; may keep what an earlier lease of ours says, such as its MAC. */
  readonly attributes: (reused: Lease | undefined) => OwnAttributes;
  readonly renewMarginMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface SubnetEvents {
  /** The subnets to use, before any peer is told and whenever they change; `{}` when they were lost to another host. */
  own: [PerFamily<Prefix>];
  /** At most 100 changes of other hosts' leases; the event loop turns between two of these. */
  peers: [readonly LeaseChange[]];
  /** Every lease that was there at the start has been told. Once. */
  synced: [];
  /** Keys that came, changed or went, in force or not; after the first listing. */
  rows: [readonly string[]];
  /** A key or a value in etcd was refused; each time. */
  refused: [Refusal];
  /** Anything that the status shows has changed. */
  state: [];
}

export interface OwnLease {
  readonly key: string;
  readonly subnets: PerFamily<Prefix>;
  readonly state: HoldState;
  /** Never expires: an operator's reservation. */
  readonly reserved: boolean;
  /** On the clock given; Infinity when reserved. */
  readonly expiresAt: number;
}

export interface EtcdState {
  readonly connected: boolean;
  /** On the clock given: since when it is so. While it is not, what is known is as of then. */
  readonly since: number;
  /** One sentence; the last thing that went wrong, if it still does. */
  readonly error?: string;
}

export interface SubnetProblem {
  readonly code: string;
  readonly message: string;
  /** The etcd key it is about, if one. */
  readonly subject?: string;
}

/** Refused keys shown in the status; all are counted. */
const REFUSED_SHOWN = 100;

export class SubnetService extends EventEmitter<SubnetEvents> {
  readonly #parts: SubnetParts;
  readonly #table: LeaseTable;
  readonly #holder: Holder;
  readonly #feed: PeerFeed;
  readonly #stop = new AbortController();
  #identity: Identity;
  #etcd: EtcdState = { connected: false, since: 0 };
  #told: { own: PerFamily<Prefix>; key: string | undefined; state: HoldState; problems: string };
  #toldTwins: readonly string[] = [];
  #cancelTimer: () => void = () => undefined;
  #request: Promise<void> | undefined;
  #loop: Promise<void> | undefined;
  /** All up to this revision of etcd was told. */
  #followed = 0;

  constructor(parts: SubnetParts) {
    super();
    const { network, log } = parts;
    this.#parts = parts;
    this.#identity = parts.identity;
    this.#told = { own: {}, key: undefined, state: 'acquiring', problems: '' };
    const refused = (key: string, reason: string): void => {
      log.warn({ key }, `the lease at ${key} is odd: ${reason}`);
      this.emit('state');
    };
    const counted = (what: Refusal): void => void this.emit('refused', what);
    this.#table = new LeaseTable({ network, refused, counted });
    this.#holder = new Holder({ ...parts, table: this.#table });
    this.#feed = new PeerFeed({
      clock: parts.clock,
      leases: this.#table.inForce(),
      isPeer: (key, lease) =>
        key !== this.#holder.key && !sharesAddress(lease, this.#identity, network),
      tell: (changes) => this.emit('peers', changes),
      othersChanged: () => this.#tellTwins(),
      drained: () => this.emit('synced'),
    });
  }

  /** Lists, acquires and follows until `signal` is aborted or `stop` is called. */
  start(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => void this.stop(), { once: true });
    this.#loop ??= this.#follow();
    return this.#loop;
  }

  /** Stops following. The lease stays in etcd: without its key, the peers would drop their routes to us. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#cancelTimer();
    this.#feed.stop();
    await Promise.all([this.#loop, this.#request]);
  }

  /** What we publish has changed: the attributes are asked for again and put. */
  publish({ publicAddresses }: { readonly publicAddresses: PerFamily<Address> }): void {
    this.#identity = { ...this.#identity, publicAddresses };
    this.#holder.publish(publicAddresses, this.#parts.clock.now());
    this.#feed.mark(this.#table.inForce().keys());
    this.#drive();
  }

  get own(): OwnLease | undefined {
    const { key, own: subnets, reserved, expiresAt = 0 } = this.#holder;
    if (key === undefined) return undefined;
    const state = this.#holder.state(this.#parts.clock.now());
    return { key, subnets, state, reserved, expiresAt };
  }

  /** Other hosts' leases as told, by etcd key. */
  get peers(): ReadonlyMap<string, Lease> {
    return this.#feed.told;
  }

  get etcd(): EtcdState {
    return this.#etcd;
  }

  /** Every key there is, in force or not. */
  rows(): Iterable<Row> {
    return this.#table.rows();
  }

  row(key: string): Row | undefined {
    return this.#table.get(key);
  }

  /** Why the key is refused, waits for an older one, or is odd. */
  noteOn(key: string): string | undefined {
    return this.#table.problems().get(key);
  }

  /** How often a key or value was refused since the start, and what is odd now (the first hundred). */
  get refused(): { readonly count: number; readonly keys: readonly SubnetProblem[] } {
    const odd = [...this.#table.problems()].slice(0, REFUSED_SHOWN);
    const keys = odd.map(([subject, message]) => ({ code: 'LEASE_REFUSED', message, subject }));
    return { count: this.#table.refusals, keys };
  }

  /** What is wrong with our own lease or with etcd. */
  get problems(): readonly SubnetProblem[] {
    const own = [...this.#holder.problems].map(([code, message]) => ({ code, message }));
    const { error } = this.#etcd;
    return [
      ...own,
      ...this.#twins(),
      ...(error === undefined ? [] : [{ code: 'ETCD', message: error }]),
    ];
  }

  /** Hosts that publish our address: neither they nor we can be reached for sure. */
  #twins(): SubnetProblem[] {
    const problems: SubnetProblem[] = [];
    for (const [subject, { node, publicAddresses }] of this.#feed.others) {
      if (node === undefined || node === this.#identity.node) continue;
      const address = publicAddresses[4] ?? publicAddresses[6];
      const message = `another host (node ${node}) publishes our address ${address} for its lease ${subject}; give one of the two another --public-ip`;
      problems.push({ code: 'ADDRESS_SHARED', message, subject });
    }
    return problems;
  }

  #tellTwins(): void {
    const messages = this.#twins().map(({ message }) => message);
    for (const message of messages)
      if (!this.#toldTwins.includes(message)) this.#parts.log.warn({}, message);
    if (messages.length !== this.#toldTwins.length) this.emit('state');
    this.#toldTwins = messages;
  }

  async #follow(): Promise<void> {
    const { registry, clock, random } = this.#parts;
    await follow(
      {
        list: () => this.#list(),
        watch: (from, signal) => registry.watch(from, signal),
        changed: (batch) => this.#onBatch(batch),
        failed: (cause) => this.#onDisconnected(cause),
        clock,
        random,
      },
      this.#stop.signal,
    );
  }

  #onBatch({ events, revision }: RegistryBatch): void {
    this.#onConnected();
    this.#followed = revision;
    const keys = events.map((event) => (event.type === 'put' ? event.entry.key : event.key));
    this.#mark(events.flatMap((event) => this.#table.apply(event)));
    if (keys.length > 0) this.emit('rows', keys);
    this.#holder.changed(keys, revision, this.#parts.clock.now());
    this.#drive();
  }

  /** Fills the table from one listing; what is not in it is gone. */
  async #list(): Promise<number> {
    const { revision, slices } = await this.#parts.registry.list();
    if (revision < this.#followed) this.#rewind(revision);
    this.#followed = revision;
    const listed = new Set<string>();
    for await (const slice of slices) {
      for (const entry of slice) {
        listed.add(entry.key);
        this.#mark(this.#table.put(entry));
      }
    }
    this.#mark(this.#table.retain(listed));
    this.#onConnected();
    this.#holder.listed(revision, this.#parts.clock.now());
    this.#drive();
    return revision;
  }

  /** What is known of revisions counts no more. */
  #rewind(revision: number): void {
    const fields = { revision, before: this.#followed };
    this.#parts.log.warn(fields, 'etcd was restored to an older revision; all is read anew');
    this.#table.rewind();
    this.#holder.rewind();
  }

  #mark(changes: readonly LeaseChange[]): void {
    this.#feed.mark(changes.map(({ id }) => id));
  }

  #onConnected(): void {
    if (this.#etcd.connected) return;
    const { clock, log } = this.#parts;
    const away = this.#etcd.error !== undefined;
    if (away) log.info({ afterMs: Math.round(clock.now() - this.#etcd.since) }, 'etcd is back');
    this.#etcd = { connected: true, since: clock.now() };
    this.#holder.contact(clock.now());
    this.emit('state');
  }

  #onDisconnected(cause: unknown): void {
    const error = cause instanceof Error ? cause.message : String(cause);
    const { clock, log } = this.#parts;
    const isNew = this.#etcd.error === undefined;
    if (isNew) log.warn({}, `${error}; what is known stays in force, and weft tries again`);
    const since = isNew ? clock.now() : this.#etcd.since;
    this.#etcd = { connected: false, since, error };
    if (isNew) this.emit('state');
  }

  /** Asks the next thing of the registry, or waits until there is one. */
  #drive(): void {
    this.#tell();
    if (this.#stop.signal.aborted || this.#request !== undefined) return;
    const { clock } = this.#parts;
    this.#cancelTimer();
    const request = this.#holder.next(clock.now());
    if (request !== undefined) {
      this.#request = this.#ask(request);
      return;
    }
    const wakeAt = this.#holder.wakeAt(clock.now());
    if (wakeAt === Infinity) return;
    // Beyond 2^31 ms a timer fires at once; half a day is soon enough to look again.
    const pause = Math.min(Math.max(1, wakeAt - clock.now()), 43_200_000);
    this.#cancelTimer = clock.after(pause, () => this.#drive());
  }

  async #ask(request: Request): Promise<void> {
    const answer = await perform(this.#parts.registry, request);
    this.#request = undefined;
    if (this.#stop.signal.aborted) return;
    this.#holder.answered(answer, this.#parts.clock.now());
    this.#drive();
  }

  /** Tells what has become different in our own lease. */
  #tell(): void {
    const { log, clock } = this.#parts;
    const { own, key, reserved } = this.#holder;
    const state = this.#holder.state(clock.now());
    const problems = [...this.#holder.problems.values()].join('\n');
    const before = this.#told;
    this.#told = { own, key, state, problems };
    if (problems !== before.problems && problems !== '') log.warn({}, problems);
    if (state !== before.state) log.info({ key, state, reserved }, `lease ${state}`);
    if (!sameSubnets(own, before.own)) this.emit('own', own);
    if (key !== before.key) {
      this.#feed.mark([before.key, key].filter((changed) => changed !== undefined));
      if (key !== undefined) this.#feed.start();
    }
    if (state !== before.state || problems !== before.problems || key !== before.key)
      this.emit('state');
  }
}

async function perform(registry: Registry, request: Request): Promise<Answer> {
  try {
    switch (request.type) {
      case 'grant':
        return { type: 'granted', lease: await registry.grant(request.seconds) };
      case 'keepAlive':
        return { type: 'alive', seconds: await registry.keepAlive(request.lease) };
      case 'put': {
        const { put, modRevision, since } = request;
        return { type: 'written', written: await registry.put(put, modRevision, since) };
      }
      case 'remove': {
        const { key, modRevision, since } = request;
        return { type: 'written', written: await registry.remove(key, modRevision, since) };
      }
    }
  } catch (cause) {
    const code = cause instanceof EtcdError ? cause.code : 'UNKNOWN';
    return {
      type: 'failed',
      code,
      message: cause instanceof Error ? cause.message : String(cause),
    };
  }
}
