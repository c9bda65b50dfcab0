/** DNS, as weftd has it: a thread that answers, what it is told, and what it says of itself. */
import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { ENDPOINT_KIND, NAME_KIND } from '../../controlplane/names/index.ts';
import type { DnsConfig } from '../config/config.ts';
import type { Membership } from '../gossip/membership.ts';
import { address, type Address } from '../ip/address.ts';
import { hostPrefix, prefix, type Prefix } from '../ip/prefix.ts';
import { partsOf, socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import type {
  DnsCounts,
  DnsProblem,
  FromThread,
  Listener,
  NamespacePlace,
  Settings,
  ToThread,
} from './messages.ts';
import { NameFeed } from './name-feed.ts';
import { followResolvConf } from './resolv-conf.ts';

const PORT = 53;
/** As libc has it: more are not asked. */
const SERVERS = 3;
/** Where an endpoint asks inside of its namespace, as Docker's containers do. */
export const DNS_INSIDE = address('127.0.0.11');
/** The network of this host's leased subnets. */
const LEASED = 'default';
const LOOPBACK = [prefix('127.0.0.0/8'), prefix('::1/128')];
/** A thread that ended is started again after this long, in ms. */
const RESTART = 1_000;
/** MB that the thread may use for what lives long: 20,000 names take about 20. */
const MEMORY = 128;

const ENDED = 'the DNS thread ended; another takes its place';
/** For a lookup, in ms: other servers have four seconds. */
const LOOKUP_LIMIT = 6_000;
/** For the thread to open what it was told to, in ms: it may have to be started anew. */
const LISTEN_LIMIT = 5_000;

export interface LeasedSubnet {
  readonly subnet: Prefix;
  /** The bridge's address in it. */
  readonly gateway: Address;
}

/** One that users have made, and that stands on this host. */
export interface DnsNetwork {
  readonly name: string;
  /** No question leaves this host from there. */
  readonly internal: boolean;
  /** In seconds; undefined: as everywhere. */
  readonly ttl: number | undefined;
  /** Of its endpoints. */
  readonly subnets: readonly Prefix[];
  readonly gateways: readonly Address[];
}

/** An endpoint of this host. */
export interface EndpointAsker {
  readonly id: string;
  readonly network: string;
  /** At least one. */
  readonly addresses: readonly Address[];
  /** Its namespace, if it is answered inside. */
  readonly inside: NamespacePlace | undefined;
  /** What it alone calls others. */
  readonly links: readonly { readonly name: string; readonly alias: string }[];
}

export interface DnsServiceParts {
  readonly config: DnsConfig;
  readonly membership: Membership | undefined;
  readonly resolvConf: string;
  /** All that is wrong now. */
  readonly troubled: (problems: readonly DnsProblem[]) => void;
  readonly warn: (sentence: string) => void;
}

export class DnsService {
  readonly #parts: DnsServiceParts;
  readonly #feed = new NameFeed(() => setImmediate(() => this.#tellNames()));
  #worker: Worker | undefined;
  #counts: DnsCounts | undefined;
  #subnets: readonly LeasedSubnet[] = [];
  #networks: readonly DnsNetwork[] = [];
  #defined: ReadonlySet<string> = new Set([LEASED]);
  #members: ReadonlyMap<Address, readonly string[]> = new Map();
  #endpoints: readonly EndpointAsker[] = [];
  /** Listeners were told so many times, and opened. */
  #turn = 0;
  #opened = 0;
  #onOpened = new Set<() => void>();
  #servers: readonly SocketAddress[] = [];
  #ends: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;
  readonly #lookups = new Map<number, (answer: Uint8Array | undefined) => void>();
  #lookupId = 0;
  #problems: readonly DnsProblem[] = [];

  constructor(parts: DnsServiceParts) {
    this.#parts = parts;
  }

  /** Undefined until it runs. */
  get counts(): DnsCounts | undefined {
    return this.#counts;
  }

  /** Records that did not hold. */
  get refusedRecords(): number {
    return this.#feed.refused;
  }

  start(): void {
    const { membership, config, resolvConf } = this.#parts;
    if (membership !== undefined) {
      this.#ends.push(
        membership.onChange((change) => this.#feed.member(change)),
        membership.onRecord(ENDPOINT_KIND, (change) => this.#feed.record(change)),
        membership.onRecord(NAME_KIND, (change) => this.#feed.record(change)),
      );
    }
    if (config.upstreams.length > 0) this.#setServers(config.upstreams);
    else this.#ends.push(followResolvConf(resolvConf, (servers) => this.#setServers(servers)));
    this.#run();
  }

  async stop(): Promise<void> {
    for (const end of this.#ends) end();
    this.#ends = [];
    clearTimeout(this.#timer);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  /** This host's leased subnets: their gateways are where workloads ask. */
  setSubnets(subnets: readonly LeasedSubnet[]): void {
    if (JSON.stringify(subnets) === JSON.stringify(this.#subnets)) return;
    this.#subnets = subnets;
    this.#tellListeners();
  }

  /** Of names in the network, in seconds; undefined: it has none of its own. */
  ttlOf(network: string): number | undefined {
    return this.#networks.find(({ name }) => name === network)?.ttl;
  }

  /** Networks that users have made: endpoints ask at their gateways, too. */
  setNetworks(networks: readonly DnsNetwork[]): void {
    if (JSON.stringify(networks) === JSON.stringify(this.#networks)) return;
    this.#networks = networks;
    this.#tell({ type: 'settings', settings: this.#settings() });
    this.#tellListeners();
  }

  /** Names of all networks that users have made, wherever they stand: what is below them is never asked elsewhere. */
  setDefined(names: readonly string[]): void {
    const defined = new Set([LEASED, ...names]);
    const isSame = names.every((name) => this.#defined.has(name));
    if (isSame && defined.size === this.#defined.size) return;
    this.#defined = defined;
    this.#tell({ type: 'settings', settings: this.#settings() });
  }

  /** Networks of this host's endpoints that are in several, by address, the first one first. */
  setMembers(members: ReadonlyMap<Address, readonly string[]>): void {
    this.#members = members;
    this.#tell({ type: 'members', members });
  }

  /** The endpoints of this host: some are answered inside of their namespaces. */
  setEndpoints(endpoints: readonly EndpointAsker[]): void {
    const before = JSON.stringify(this.#endpoints);
    this.#endpoints = endpoints.filter(
      ({ inside, links }) => inside !== undefined || links.length > 0,
    );
    if (JSON.stringify(this.#endpoints) === before) return;
    this.#tellAliases();
    this.#tellListeners();
  }

  /** Why the endpoint is not answered inside, as a clause, once that was tried; undefined: it is. */
  async problemInside(id: string): Promise<string | undefined> {
    const isOpened = await this.#untilOpened();
    if (!isOpened) return 'DNS on this host does not answer';
    return this.#problems.find(({ subject }) => subject === id)?.why;
  }

  /** False: the thread does not say that it has done what it was told. */
  async #untilOpened(): Promise<boolean> {
    const turn = this.#turn;
    return await new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(late);
        this.#onOpened.delete(look);
        resolve(this.#opened >= turn);
      };
      const look = (): void => {
        if (this.#opened >= turn) end();
      };
      const late = setTimeout(end, LISTEN_LIMIT);
      this.#onOpened.add(look);
      look();
    });
  }

  /** The answer to a question, as by TCP; undefined: none came. `forwards`: others may be asked. Never rejects. */
  lookUp(
    question: Uint8Array,
    networks: readonly string[] | 'all',
    forwards = true,
  ): Promise<Uint8Array | undefined> {
    const id = ++this.#lookupId;
    return new Promise((resolve) => {
      const late = setTimeout(() => this.#lookups.get(id)?.(undefined), LOOKUP_LIMIT);
      this.#lookups.set(id, (answer) => {
        clearTimeout(late);
        this.#lookups.delete(id);
        resolve(answer);
      });
      this.#tell({ type: 'lookup', id, question, networks, forwards });
    });
  }

  #settings(): Settings {
    const { domain, ttl } = this.#parts.config;
    const own = this.#networks.flatMap(({ name, ttl: ttlOfIt }) =>
      ttlOfIt === undefined ? [] : [[name, ttlOfIt] as const],
    );
    const internal = this.#networks.filter((each) => each.internal).map(({ name }) => name);
    return { domain, ttl, ttlOf: new Map(own), networks: this.#defined, internal };
  }

  #run(): void {
    const worker = new Worker(threadFile(), {
      workerData: this.#settings(),
      resourceLimits: { maxOldGenerationSizeMb: MEMORY, maxYoungGenerationSizeMb: 24 },
    });
    this.#worker = worker;
    worker.on('message', (message: FromThread) => this.#heard(message));
    worker.on('error', (cause) => this.#parts.warn(`DNS failed: ${cause.message}`));
    worker.on('exit', () => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#parts.warn(ENDED);
      this.#setProblems([{ subject: 'DNS', message: ENDED, why: ENDED }]);
      this.#timer = setTimeout(() => this.#run(), RESTART);
    });
    this.#tellAll();
  }

  #setProblems(problems: readonly DnsProblem[]): void {
    this.#problems = problems;
    this.#parts.troubled(problems);
  }

  #heard(message: FromThread): void {
    // One that says anything has taken its place.
    if (this.#problems.some(({ message: text }) => text === ENDED)) this.#setProblems([]);
    switch (message.type) {
      case 'problems':
        this.#setProblems(message.problems);
        break;
      case 'listening':
        this.#opened = message.turn;
        for (const look of this.#onOpened) look();
        break;
      case 'warning':
        this.#parts.warn(message.sentence);
        break;
      case 'counts':
        this.#counts = message.counts;
        break;
      case 'found':
        this.#lookups.get(message.id)?.(message.answer);
        break;
    }
  }

  #tellAll(): void {
    const { membership } = this.#parts;
    for (const kind of [ENDPOINT_KIND, NAME_KIND])
      for (const after of membership?.records(kind) ?? []) this.#feed.record({ after });
    for (const member of membership?.member?.members() ?? [])
      this.#feed.member({ type: 'present', member });
    this.#tell({ type: 'members', members: this.#members });
    this.#tellAliases();
    this.#tellServers();
    this.#tellListeners();
  }

  /** By address: each alias, and with its network behind it, as the resolver of the endpoint asks first. */
  #tellAliases(): void {
    const aliases = this.#endpoints.flatMap(({ links, network, addresses }) => {
      const named = new Map(
        links.flatMap(({ name, alias }) => [
          [alias, name],
          [`${alias}.${network}`, name],
        ]),
      );
      return links.length === 0 ? [] : addresses.map((address) => [address, named] as const);
    });
    this.#tell({ type: 'aliases', aliases: new Map(aliases) });
  }

  #tellNames(): void {
    const changes = this.#feed.take();
    if (changes.length > 0) this.#tell({ type: 'names', changes });
  }

  #setServers(servers: readonly SocketAddress[]): void {
    this.#servers = servers;
    this.#tellServers();
  }

  /** Not ourselves: a host that asks us would have us ask ourselves. */
  #tellServers(): void {
    const own = this.#listeners()
      .filter(({ inside }) => inside === undefined)
      .map(({ address, port }) => socketAddress(address, port));
    const servers = this.#servers.filter((server) => !own.includes(server)).slice(0, SERVERS);
    this.#tell({ type: 'upstreams', servers });
  }

  #tellListeners(): void {
    this.#tell({ type: 'listeners', turn: ++this.#turn, listeners: this.#listeners() });
    this.#tellServers();
  }

  #listeners(): readonly Listener[] {
    const gateways = this.#subnets.map(({ subnet, gateway }) => ({
      address: gateway,
      port: PORT,
      networks: [LEASED],
      from: [subnet],
    }));
    const users = this.#networks.flatMap(({ name, subnets, gateways: addresses }) =>
      addresses.map((address) => ({ address, port: PORT, networks: [name], from: subnets })),
    );
    const own = this.#parts.config.bind.map((bind) => {
      const { address, port } = partsOf(bind);
      const from = [hostPrefix(address), ...LOOPBACK];
      return { address, port, networks: 'all' as const, from };
    });
    const inside = this.#endpoints.flatMap(({ id, network, addresses, inside: namespace }) => {
      const [asker] = addresses;
      if (namespace === undefined || asker === undefined) return [];
      const place = { endpoint: id, asker, namespace };
      return { address: DNS_INSIDE, port: PORT, networks: [network], from: [], inside: place };
    });
    return [...gateways, ...users, ...own, ...inside];
  }

  #tell(message: ToThread): void {
    this.#worker?.postMessage(message);
  }
}

/** Beside the program; not in it, so that a thread loads only what it needs. */
function threadFile(): string {
  // Not beside a link to it, as npm makes one.
  return join(dirname(realpathSync(process.argv[1] ?? '')), 'weftd-dns.cjs');
}
