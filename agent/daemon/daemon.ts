/** weftd at work: opens every room, follows the network configuration, and says how it is doing, until told to stop. */
import type { Logger } from 'pino';
import { VERSION } from '../../controlplane/api/version.ts';
import type { Config } from '../config/config.ts';
import type { DnsService } from '../dns/service.ts';
import { prepareDirectory } from '../config/atomic-file.ts';
import type { StaticNames } from '../dns/static-names.ts';
import { loadNodeId } from '../config/node-id.ts';
import { Metrics } from '../front/metrics.ts';
import type { Notifier } from '../front/notify.ts';
import { readSubnetEnv } from '../front/subnet-env.ts';
import type { Membership } from '../gossip/membership.ts';
import { Reconciler, type Problem } from '../state/reconciler.ts';
import type { NetworkConfig } from '../state/facts.ts';
import type { PeerSessions } from '../state/wireguard.ts';
import { EtcdClient } from '../etcd/client.ts';
import { EtcdRegistry } from '../subnet/registry.ts';
import { mayResume, refusalOf, sameNetwork } from './cut-off.ts';
import { dnsOf, staticNamesOf } from './dns-of.ts';
import { Endpoints } from './endpoints.ts';
import { Events } from './events.ts';
import { followNetwork } from './follow-network.ts';
import { openFront } from './front.ts';
import { KeptNetwork, type FoundNetwork } from './kept-network.ts';
import { membershipOf } from './membership-of.ts';
import { openHostKernel, type HostKernel } from './host-kernel.ts';
import { machineClock, machineRandom, machineSeconds, turn } from './machine.ts';
import { metricSourcesOf } from './metric-sources.ts';
import { pathFinderOf, type PathFinder } from './path-finder.ts';
import type { AddressClaims } from '../network/address-claims.ts';
import { claimsOf } from './claims-of.ts';
import type { Networks } from '../network/networks.ts';
import { networksOf } from './networks-of.ts';
import { Overlays } from './overlays.ts';
import { Planner } from './planner.ts';
import { ProblemBoard, type BoardProblem } from './problem-board.ts';
import { LoggingReporter } from './reporter.ts';
import { Session, SetupError, type SessionParts } from './session.ts';

/** A session that could not begin is tried again after this long, in ms, as its cause may be gone. */
const SETUP_RETRY = 5000;
/** A configuration that was refused is looked at again this long after leases changed, in ms. */
const RECONSIDER = 1000;
/** Entries the kernel refuses that the status names; the log has them all. */
const KERNEL_PROBLEM_LIMIT = 100;

export class Daemon {
  readonly config: Config;
  readonly node: string;
  readonly startedAt = new Date();
  readonly board: ProblemBoard;
  readonly host: HostKernel;
  readonly planner: Planner;
  readonly pathFinder: PathFinder;
  readonly reconciler: Reconciler;
  readonly reporter: LoggingReporter;
  readonly metrics: Metrics;
  /** Undefined when it is switched off. */
  readonly membership: Membership | undefined;
  /** Undefined when it is switched off. */
  readonly dns: DnsService | undefined;
  readonly staticNames: StaticNames;
  readonly endpoints: Endpoints;
  readonly networks: Networks;
  readonly claims: AddressClaims;
  readonly overlays: Overlays;
  readonly events: Events;
  readonly #log: Logger;
  readonly #etcd: EtcdClient;
  readonly #registry: EtcdRegistry;
  readonly #listeners = new Set<() => void>();
  readonly #leaseListeners = new Set<(keys: readonly string[]) => void>();
  #notifier: Notifier | undefined;
  readonly #kept: KeptNetwork;
  #running: FoundNetwork | undefined;
  #session: Session | undefined;
  /** As it stands in etcd, or as kept while this host resumes. */
  #found: FoundNetwork | undefined;
  #isResuming = false;
  #isRefusing = false;
  #isReconsidering = false;
  /** Configurations are taken up, and sessions begun, one after the other. */
  #turns: Promise<void> = Promise.resolve();
  /** All peers were planned once. */
  #isPlanned = false;
  #started = false;
  #ready = false;

  /** Throws a KernelError, FileError or EtcdError whose message is one sentence for the operator. */
  constructor(config: Config, log: Logger) {
    this.config = config;
    this.#log = log;
    const { id, setAside } = loadNodeId(config.stateDir);
    if (setAside !== undefined)
      log.warn({ file: setAside }, 'the node id was damaged; this host is a new one to its peers');
    this.node = id;
    this.board = new ProblemBoard(
      () => new Date(),
      () => this.#notify(),
    );
    this.metrics = new Metrics(metricSourcesOf(this), VERSION);
    this.#etcd = new EtcdClient(config.etcd);
    this.#registry = new EtcdRegistry(this.#etcd, config.etcd.prefix);
    prepareDirectory(config.runDir);
    this.host = openHostKernel(config, (sentence) => log.warn(sentence));
    this.reporter = new LoggingReporter(log, this.metrics, () => this.changed());
    this.reconciler = new Reconciler({
      kernel: this.host.kernel,
      clock: machineClock,
      random: machineRandom,
      report: this.reporter,
    });
    this.planner = new Planner({
      target: this.reconciler,
      firewall: config.firewall,
      turn,
      seconds: machineSeconds,
    });
    this.#kept = new KeptNetwork(config.stateDir, this.planner, log);
    this.membership = membershipOf(config, {
      host: this.host,
      log,
      board: this.board,
      changed: () => this.#notify(),
      moved: () => this.#session?.republish(),
    });
    this.dns = dnsOf(this, log);
    this.staticNames = staticNamesOf(this, log);
    this.host.wireguard.watchSessions((sessions) => this.#onSessions(sessions));
    this.pathFinder = pathFinderOf(this, log);
    this.networks = networksOf(this, this.#etcd, log);
    this.claims = claimsOf(this, this.#etcd, log);
    this.endpoints = new Endpoints(this, log);
    this.overlays = new Overlays(this, this.networks);
    this.events = new Events(this, log, machineClock);
  }

  get session(): Session | undefined {
    return this.#session;
  }

  get network(): NetworkConfig | undefined {
    return this.#running?.network;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  /** Why not ready, in words; undefined when ready. */
  get waitingFor(): string | undefined {
    if (this.#ready) return undefined;
    if (this.#running === undefined) return 'waiting for the network configuration in etcd';
    if (this.#session === undefined) return 'this host cannot carry out the network configuration';
    if (this.planner.facts === undefined) return 'waiting for a lease';
    return this.#started ? 'programming the kernel' : "waiting for the other hosts' leases";
  }

  /** Runs until `signal` is aborted. Throws a SetupError if this host cannot take part at its first try. */
  async run(signal: AbortSignal): Promise<void> {
    const front = await openFront(this, this.#log);
    this.#notifier = front.notifier;
    const gossip = this.membership?.start();
    try {
      this.networks.start();
      await this.endpoints.open();
      this.claims.start();
      await this.overlays.open();
      await this.#followForwardChains();
      // The lease, once written, shall tell where we gossip.
      await gossip;
      this.dns?.start();
      await this.#followNetwork(signal);
    } finally {
      // A session may be beginning.
      await this.#turns;
      await this.#session?.stop();
      this.pathFinder.stop();
      await this.dns?.stop();
      this.events.stop();
      this.overlays.stop();
      this.claims.stop();
      await this.networks.stop();
      this.endpoints.stop();
      await this.membership?.stop();
      await this.reconciler.stop();
      await front.close();
      this.#etcd.close();
      await this.host.close();
    }
  }

  /** Calls back whenever what the status shows has changed; the returned function ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back with the etcd keys of leases that came, changed or went; the returned function ends that. */
  onLeases(listener: (keys: readonly string[]) => void): () => void {
    this.#leaseListeners.add(listener);
    return () => this.#leaseListeners.delete(listener);
  }

  /** Something that the status shows may have changed. */
  changed(): void {
    this.endpoints.follow();
    this.overlays.follow();
    const service = this.#session?.service;
    const peers = [...this.planner.problems].map(([subject, why]) => ({
      code: 'PEER_UNREACHABLE',
      message: `peer ${subject} ${why}`,
      subject,
    }));
    for (const { message, subject } of this.board.set('peers', peers))
      this.#log.warn({ peer: subject }, message);
    this.board.set('leases', [...(service?.problems ?? []), ...(service?.refused.keys ?? [])]);
    this.board.set(
      'kernel',
      this.reconciler.problems().slice(0, KERNEL_PROBLEM_LIMIT).map(asBoardProblem),
    );
    this.#notify();
  }

  #notify(): void {
    for (const listener of this.#listeners) listener();
  }

  /** While somebody changes a key, what follows from this is waited for. */
  #onSessions(sessions: PeerSessions): 'soon' | 'later' {
    this.planner.look(sessions);
    const rotation = this.#session?.rotation;
    rotation?.look(sessions);
    return this.planner.hasDetour || rotation?.isUnderWay === true ? 'soon' : 'later';
  }

  async #followForwardChains(): Promise<void> {
    const { iptables } = this.host;
    this.planner.setForwardChains(await iptables.forwardChains());
    iptables.watchForwardChains((chains) => this.planner.setForwardChains(chains));
  }

  async #followNetwork(signal: AbortSignal): Promise<void> {
    const follow = followNetwork({
      registry: this.#registry,
      board: this.board,
      log: this.#log,
      clock: machineClock,
      random: machineRandom,
      signal,
      outage: (why) => this.#onOutage(why),
    });
    for await (const found of follow) {
      if (this.#running === undefined) await this.#resume(found, signal);
      this.#found = found;
      await this.#consider(signal);
    }
  }

  /**
   * The configuration changed while this host was away, or it went in the middle of a change: what ran before is planned
   * first, so that the change is judged and made like any other. The kernel stays as it is until then, as peers that have changed over already have no place in it.
   */
  async #resume(found: FoundNetwork, signal: AbortSignal): Promise<void> {
    const kept = this.#kept.read();
    if (kept === undefined || !mayResume(kept.network, found.network)) return;
    this.#isResuming = true;
    this.#found = kept;
    try {
      await this.#consider(signal);
      await this.#untilPlanned(signal);
    } catch (cause) {
      if (!(cause instanceof SetupError)) throw cause;
      this.#log.warn(`${cause.message}; this host begins with what is configured now`);
      this.#running = undefined;
    }
    this.#isResuming = false;
  }

  #untilPlanned(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.#isPlanned && !signal.aborted) return;
        unlisten();
        resolve();
      };
      const unlisten = this.onChange(look);
      signal.addEventListener('abort', look, { once: true });
      look();
    });
  }

  /** Takes up the configuration that was found, unless that would do harm. */
  #consider(signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#considerNow(signal));
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turns.then(work);
    this.#turns = turn.catch(() => {});
    return turn;
  }

  async #considerNow(signal: AbortSignal): Promise<void> {
    if (this.#found === undefined || signal.aborted) return;
    const refusal = this.#refusalOf(this.#found.network);
    this.#tellRefusal(refusal);
    if (refusal === undefined) await this.#takeUp(this.#found, signal);
    else if (this.#isPlanned) {
      this.#start();
      await this.#becomeReady();
    }
  }

  #refusalOf(network: NetworkConfig): string | undefined {
    if (this.network === undefined) return undefined;
    return refusalOf(this.network, network, this.#session?.service?.peers ?? []);
  }

  async #takeUp(found: FoundNetwork, signal: AbortSignal): Promise<void> {
    const { network } = found;
    if (sameNetwork(network, this.network)) return;
    const isFirst = this.#running === undefined;
    this.#kept.takeUp(this.#running, found);
    this.#running = found;
    // Not the backend's options, as there may be a secret among them.
    const { ranges, backend } = network;
    if (!isFirst)
      this.#log.info({ ranges, backend: backend.type }, 'the network configuration changed');
    await this.#session?.stop();
    this.#session = undefined;
    await this.#beginSession(network, isFirst, signal);
  }

  #tellRefusal(refusal: string | undefined): void {
    this.#isRefusing = refusal !== undefined;
    const problems = refusal === undefined ? [] : [{ code: 'NETWORK_REFUSED', message: refusal }];
    for (const { message } of this.board.set('network', problems))
      this.#log.error(`${message}; the running network stays`);
  }

  /** What stood in the way may be gone with these leases. */
  #reconsiderLater(signal: AbortSignal): void {
    if (!this.#isRefusing || this.#isReconsidering) return;
    this.#isReconsidering = true;
    machineClock.after(RECONSIDER, () => {
      this.#isReconsidering = false;
      if (!this.#isRefusing) return;
      this.#consider(signal).catch((cause: unknown) => this.#retryAfter(cause, signal));
    });
  }

  /** Once there is a session, its own watch tells of outages. */
  #onOutage(why: string | undefined): void {
    const isNews = why !== undefined && this.#session === undefined;
    const problems = isNews ? [{ code: 'ETCD', message: why }] : [];
    for (const { message } of this.board.set('etcd', problems)) {
      this.#log.warn(`${message}; weft tries again until it answers`);
    }
  }

  async #beginSession(
    network: NetworkConfig,
    isFirst: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    try {
      this.#session = await Session.begin(this.#sessionParts(signal), network);
      this.board.set('setup', []);
    } catch (cause) {
      if (!(cause instanceof SetupError) || isFirst) throw cause;
      for (const { message } of this.board.set('setup', [
        { code: 'SETUP', message: cause.message },
      ])) {
        this.#log.error(`${message}; the mesh stays as it was`);
      }
      this.#retryLater(network, signal);
    }
    this.changed();
  }

  #retryLater(network: NetworkConfig, signal: AbortSignal): void {
    const retry = async (): Promise<void> => {
      const isStale = signal.aborted || this.#session !== undefined || this.network !== network;
      if (!isStale) await this.#beginSession(network, false, signal);
    };
    machineClock.after(SETUP_RETRY, () => {
      this.#inTurn(retry).catch((cause: unknown) => this.#retryAfter(cause, signal));
    });
  }

  #retryAfter(cause: unknown, signal: AbortSignal): void {
    this.#log.error({ err: cause }, 'the network configuration could not be carried out');
    if (this.network !== undefined) this.#retryLater(this.network, signal);
  }

  #sessionParts(signal: AbortSignal): SessionParts {
    return {
      config: this.config,
      host: this.host,
      registry: this.#registry,
      planner: this.planner,
      pathFinder: this.pathFinder,
      overlays: this.overlays,
      board: this.board,
      node: this.node,
      membership: this.membership,
      previous: readSubnetEnv(this.config.subnetFile)?.subnets ?? {},
      clock: machineClock,
      random: machineRandom,
      log: this.#log,
      changed: () => this.changed(),
      leasesChanged: (keys) => {
        for (const listener of this.#leaseListeners) listener(keys);
        this.#reconsiderLater(signal);
      },
      formerDropped: () => this.#kept.settle(this.#running),
      refused: (what) => this.metrics.refused(what),
      settled: async () => {
        if (!this.#isPlanned) return;
        this.#start();
        await this.reconciler.settled();
      },
      planned: () => this.#onPlanned(),
    };
  }

  #onPlanned(): void {
    this.#isPlanned = true;
    this.changed();
    if (this.#isResuming) return;
    this.#start();
    void this.#becomeReady();
  }

  /** From here on the kernel follows: before, peers we had not heard of yet would have been swept. */
  #start(): void {
    if (!this.#started) this.reconciler.start();
    this.#started = true;
  }

  async #becomeReady(): Promise<void> {
    await this.reconciler.settled();
    if (this.#ready) return;
    this.#ready = true;
    const { peerCount, facts } = this.planner;
    this.#log.info({ peers: peerCount, subnets: facts?.subnets }, 'ready');
    void this.endpoints.refresh();
    this.#notifier?.ready();
    this.changed();
  }
}

function asBoardProblem({ key, code, message }: Problem): BoardProblem {
  return { code, message, subject: key };
}
