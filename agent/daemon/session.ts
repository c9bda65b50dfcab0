/**
 * One network configuration in force: finds the underlay, holds a lease, follows the peers, and keeps the
 * planner told. A changed configuration ends the session and begins another; the kernel is reconciled from
 * the one to the other like from any state to any.
 */
import type { Logger } from 'pino';
import { familiesOf, type Backend, type Published } from '../backend/backend.ts';
import { createBackend } from '../backend/backends.ts';
import type { Config } from '../config/config.ts';
import { dropNewKey } from '../config/wireguard-key.ts';
import { writeSubnetEnv } from '../front/subnet-env.ts';
import type { Membership } from '../gossip/membership.ts';
import type { Prefix } from '../ip/prefix.ts';
import { runCommand } from '../kernel/command/run.ts';
import type { Clock, Random } from '../state/clock.ts';
import type { Link } from '../state/resource.ts';
import type {
  HostFacts,
  Lease,
  NetworkConfig,
  PerFamily,
  Rotation,
  Underlay,
} from '../state/facts.ts';
import type { PeerSessions, PublicKey } from '../state/wireguard.ts';
import type { Registry } from '../subnet/registry.ts';
import type { Refusal } from '../subnet/leases.ts';
import { SubnetService } from '../subnet/service.ts';
import { ChangeOver } from './change-over.ts';
import { sameRanges } from './cut-off.ts';
import { findUnderlay } from './find-underlay.ts';
import { existingLinks, type HostKernel } from './host-kernel.ts';
import { HeldLeases } from './held-leases.ts';
import { KeyRotation } from './key-rotation.ts';
import type { Overlays } from './overlays.ts';
import type { PathFinder } from './path-finder.ts';
import type { LeaseChange, Planner } from './planner.ts';
import type { ProblemBoard } from './problem-board.ts';
import { machineSeconds } from './machine.ts';
import { keyProblem, wireguardKeyOf } from './wireguard-key.ts';

/** Changes of links, addresses and routes come in bursts; the underlay is looked at this long after the first, in ms. */
const UNDERLAY_PAUSE = 100;

export interface SessionParts {
  readonly config: Config;
  readonly host: HostKernel;
  readonly registry: Registry;
  readonly planner: Planner;
  readonly pathFinder: PathFinder;
  readonly overlays: Overlays;
  readonly board: ProblemBoard;
  readonly node: string;
  /** Undefined when gossip is switched off. */
  readonly membership: Membership | undefined;
  /** Subnets of subnet.env, from before this start. */
  readonly previous: PerFamily<Prefix>;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Anything that `weft status` shows has changed. */
  readonly changed: () => void;
  /** These etcd keys came, changed or went. */
  readonly leasesChanged: (keys: readonly string[]) => void;
  /** The mesh of a former backend has gone. */
  readonly formerDropped: () => void;
  /** A key or a value in etcd was refused. */
  readonly refused: (what: Refusal) => void;
  /** Resolves when the kernel is as planned, as far as it can be; at once before the first plan is carried out. */
  readonly settled: () => Promise<void>;
  /** The first complete set of peers, and our own lease, were planned. */
  readonly planned: () => void;
}

/** This host cannot take part as it is configured; the message is one sentence that says what to do. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

export class Session {
  readonly network: NetworkConfig;
  readonly #parts: SessionParts;
  readonly #stopped = new AbortController();
  readonly #backend: Backend;
  readonly #held: HeldLeases;
  readonly #changeOver: ChangeOver;
  #publicKey: () => PublicKey;
  /** Undefined where there is no WireGuard key. */
  readonly rotation: KeyRotation | undefined;
  #rotated: Rotation | undefined;
  #newKey: PublicKey | undefined;
  #underlay: Underlay;
  /** Links of ours that were there at the start. */
  #existing: readonly Link[] = [];
  #startupOutput: string | undefined;
  #published: Published | undefined;
  #service: SubnetService | undefined;
  #subnets: PerFamily<Prefix> | undefined;
  #seen = new Set<string>();
  #unwatch: () => void = () => {};
  /** Planning happens in turn: whatever comes while one is under way waits for it. */
  #queue: Promise<void> = Promise.resolve();

  private constructor(
    parts: SessionParts,
    network: NetworkConfig,
    backend: Backend,
    underlay: Underlay,
  ) {
    this.#parts = parts;
    this.network = network;
    this.#backend = backend;
    this.#held = new HeldLeases({
      type: backend.type,
      clock: parts.clock,
      typeOf: (id) => parts.planner.typeOf(id),
      release: (change) => this.#change([change]),
    });
    this.#changeOver = new ChangeOver({
      clock: parts.clock,
      formers: () => parts.planner.formers,
      drop: (type) => this.#enqueue(() => this.#dropFormer(type)),
      tell: (overdue) => this.#tellOverdue(overdue),
    });
    this.#publicKey = wireguardKeyOf(parts.config);
    this.#underlay = underlay;
    this.rotation = backend.hasKey === true ? this.#openRotation() : undefined;
  }

  /** Throws a SetupError when the configuration cannot be carried out on this host. */
  static async begin(parts: SessionParts, network: NetworkConfig): Promise<Session> {
    const backend = backendFor(network);
    const choice = await findUnderlay(
      parts.host.netlink,
      parts.config.underlay,
      familiesOf(network.ranges),
    );
    if (choice.status === 'none') throw new SetupError(choice.problem);
    const session = new Session(parts, network, backend, choice.underlay);
    try {
      await session.#begin();
      return session;
    } catch (cause) {
      const problem = keyProblem(cause);
      throw problem === undefined ? cause : new SetupError(problem);
    }
  }

  get underlay(): Underlay {
    return this.#underlay;
  }

  get backend(): Backend {
    return this.#backend;
  }

  get service(): SubnetService | undefined {
    return this.#service;
  }

  /** The backend to which a peer changes before us. */
  changingTo(id: string): string | undefined {
    return this.#held.typeFor(id);
  }

  /** Its first plan is by what a weftd before us left. */
  #openRotation(): KeyRotation {
    const { config, planner, board, clock, random, log, settled } = this.#parts;
    const rereadKey = (): PublicKey => (this.#publicKey = wireguardKeyOf(config))();
    return new KeyRotation({
      stateDir: config.stateDir,
      every: config.wireguardRotateEveryMs,
      seconds: machineSeconds,
      planner,
      board,
      clock,
      random,
      log,
      leases: () => this.#leases(),
      publicKey: rereadKey,
      tell: (newKey) => {
        this.#newKey = newKey;
        this.#published = this.#publish(this.#published);
        this.#service?.publish(this.#published);
      },
      plan: async (rotation) => {
        this.#rotated = rotation;
        rereadKey();
        this.#enqueue(async () => {
          this.#published = this.#publish(this.#published);
          await this.#plan();
        });
        await this.#queue;
        await settled();
        this.#parts.host.wireguard.hurry();
      },
    });
  }

  *#leases(): Iterable<{ readonly key: string; readonly mine: boolean; readonly lease: Lease }> {
    const own = this.#service?.own?.key;
    for (const { key, lease, subnets } of this.#service?.rows() ?? [])
      if (lease !== undefined) yield { key, mine: key === own, lease: { ...lease, subnets } };
  }

  /** What the lease tells beside the backend's part is another. */
  republish(): void {
    if (this.#published !== undefined) this.#service?.publish(this.#published);
  }

  /** The lease stays ours, and the kernel as it is. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.rotation?.stop();
    this.#unwatch();
    this.#changeOver.stop();
    this.#tellOverdue([]);
    this.#held.stop();
    await this.#service?.stop();
    await this.#queue;
  }

  async #begin(): Promise<void> {
    const { host, log } = this.#parts;
    this.#existing = await existingLinks(host.kernel, this.#backend.links);
    this.#startupOutput = await outputOf(this.#backend.startup);
    await this.#findRotation();
    await this.#standBeforehand();
    log.info({ ...told(this.#underlay), backend: this.#backend.type }, 'underlay chosen');
    if (this.#backend.notice !== undefined) log.warn(this.#backend.notice);
    this.#service = this.#openService();
    this.#unwatch = host.netlink.watchUnderlay(this.#debounced(() => this.#followUnderlay()));
    void this.#service.start(this.#stopped.signal);
  }

  /** Peers are sent to by the way on which they are found. */
  async #findRotation(): Promise<void> {
    if (this.rotation === undefined) return;
    this.#rotated = this.rotation.found;
    this.#newKey = this.#rotated?.publicKey;
    this.#parts.planner.look(await sessionsOf(this.#parts.host));
  }

  /**
   * Another backend's mesh stands before our lease tells of it, as peers send by it at once; and before we hear the
   * leases of those who were faster.
   */
  async #standBeforehand(): Promise<void> {
    const { planner, settled } = this.#parts;
    const before = planner.facts;
    if (before === undefined || before.network.backend.type === this.network.backend.type) return;
    if (!sameRanges(before.network, this.network)) return;
    await planner.setMesh(this.#backend, this.#facts(before.subnets), this.#publish(undefined));
    await settled();
  }

  #openService(): SubnetService {
    const { config, registry, node, membership, previous, clock, random, log } = this.#parts;
    const { changed, planned, pathFinder, overlays } = this.#parts;
    const service = new SubnetService({
      registry,
      network: this.network,
      identity: { node, publicAddresses: this.#publish(undefined).publicAddresses },
      previous,
      attributes: (reused) => {
        this.#published = this.#publish(this.#published ?? reused);
        const gossip = membership?.address;
        return gossip === undefined ? this.#published : { ...this.#published, gossip };
      },
      renewMarginMs: config.renewMarginMs,
      clock,
      random,
      log,
    });
    service.on('own', (subnets) => {
      // Lost to another host: the mesh stands as it was until there is another subnet.
      if (familiesOf(subnets).length === 0) return;
      this.#subnets = subnets;
      this.#enqueue(() => this.#plan());
    });
    service.on('peers', (changes) => {
      if (this.#stopped.signal.aborted) return;
      for (const { id } of changes) this.#seen.add(id);
      this.#change(this.#held.take(changes));
      pathFinder.leases(changes);
      overlays.leases(changes);
      if (this.#parts.planner.hasDetour) this.#parts.host.wireguard.hurry();
      this.rotation?.look();
      membership?.leases(changes);
      changed();
    });
    service.on('synced', () => {
      const gone = this.#parts.planner.retain(this.#seen);
      pathFinder.leases(gone);
      overlays.leases(gone);
      overlays.synced();
      this.#seen = new Set();
      this.#changeOver.look();
      this.#enqueue(async () => {
        planned();
        this.rotation?.start();
      });
    });
    service.on('rows', (keys) => {
      this.#parts.leasesChanged(keys);
      this.rotation?.look();
      // One that was refused is no peer, and a problem until it goes.
      changed();
    });
    service.on('refused', this.#parts.refused);
    service.on('state', changed);
    return service;
  }

  #enqueue(work: () => Promise<void>): void {
    this.#queue = this.#queue
      .then(() => (this.#stopped.signal.aborted ? undefined : work()))
      .catch((cause: unknown) => this.#parts.log.error({ err: cause }, 'planning failed'));
  }

  async #plan(): Promise<void> {
    if (this.#subnets === undefined || this.#published === undefined) return;
    const { planner, pathFinder, changed } = this.#parts;
    await planner.setMesh(this.#backend, this.#facts(this.#subnets), this.#published);
    this.#changeOver.look();
    pathFinder.setUnderlay(this.#underlay.mtu);
    this.#writeSubnetEnv(this.#subnets, planner.mtu ?? this.#underlay.mtu);
    changed();
  }

  #facts(subnets: PerFamily<Prefix>): HostFacts {
    const facts = { network: this.network, underlay: this.#underlay, subnets };
    return this.#rotated === undefined ? facts : { ...facts, rotation: this.#rotated };
  }

  #change(changes: readonly LeaseChange[]): void {
    this.#parts.planner.change(changes);
    this.#changeOver.look();
  }

  async #dropFormer(type: string): Promise<void> {
    const { planner, config, log, formerDropped } = this.#parts;
    // Peers may have come back to it meanwhile.
    if (planner.formers.get(type) !== 0) return;
    await planner.dropFormer(type);
    // No mesh is left that a change of key could go on with.
    if (this.#backend.hasKey === undefined && planner.formers.size === 0)
      dropNewKey(config.stateDir);
    formerDropped();
    log.info({ backend: type }, 'no peer is left on the former mesh; it goes');
  }

  #tellOverdue(overdue: readonly string[]): void {
    const { board, log } = this.#parts;
    const problems = overdue.map((type) => ({
      code: 'CHANGE_OVER',
      message: `the ${type} mesh stands beside ${this.#backend.type}, as "weft leases" still shows hosts of it: start weftd there, or wait until their leases end`,
      subject: type,
    }));
    for (const { message } of board.set('change-over', problems)) log.warn(message);
  }

  #writeSubnetEnv(subnets: PerFamily<Prefix>, mtu: number): void {
    const { config, board, log } = this.#parts;
    const networks = Object.fromEntries(
      familiesOf(subnets).map((family) => [family, this.network.ranges[family]?.network]),
    );
    const env = { networks, subnets, mtu, masquerade: config.firewall.masquerade };
    try {
      if (writeSubnetEnv(config.subnetFile, env))
        log.info({ file: config.subnetFile, subnets, mtu }, 'wrote subnet.env');
      board.set('subnet.env', []);
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause);
      const problem = { code: 'SUBNET_FILE', message, subject: config.subnetFile };
      for (const fresh of board.set('subnet.env', [problem])) log.error(fresh.message);
    }
  }

  async #followUnderlay(): Promise<void> {
    const { host, config, board, log } = this.#parts;
    const choice = await findUnderlay(
      host.netlink,
      config.underlay,
      familiesOf(this.network.ranges),
    );
    if (choice.status === 'none') {
      const problem = { code: 'UNDERLAY', message: `${choice.problem}; the mesh stays as it was` };
      for (const fresh of board.set('underlay', [problem])) log.error(fresh.message);
      return;
    }
    board.set('underlay', []);
    const before = this.#underlay;
    if (JSON.stringify(choice.underlay) === JSON.stringify(before)) return;
    this.#underlay = choice.underlay;
    if (JSON.stringify(told(choice.underlay)) !== JSON.stringify(told(before))) {
      log.info(told(choice.underlay), 'the underlay changed');
    }
    if (this.#published !== undefined) {
      const known = JSON.stringify(this.#published);
      this.#published = this.#publish(this.#published);
      if (JSON.stringify(this.#published) !== known) this.#service?.publish(this.#published);
    }
    await this.#plan();
  }

  /** `before`: what peers know our devices by, if they know them already. */
  #publish(before: Published | undefined): Published {
    return this.#backend.publish({
      underlay: this.#underlay,
      families: familiesOf(this.network.ranges),
      before,
      existing: this.#existing,
      publicKey: this.#publicKey,
      newKey: this.#newKey,
      startupOutput: this.#startupOutput,
    });
  }

  #debounced(work: () => Promise<void>): () => void {
    let waiting = false;
    return () => {
      if (waiting || this.#stopped.signal.aborted) return;
      waiting = true;
      this.#parts.clock.after(UNDERLAY_PAUSE, () => {
        waiting = false;
        this.#enqueue(work);
      });
    };
  }
}

async function sessionsOf({ wireguard }: HostKernel): Promise<PeerSessions> {
  try {
    return await wireguard.sessions();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new SetupError(`the sessions of WireGuard cannot be read: ${why}`);
  }
}

async function outputOf(startup: string | undefined): Promise<string | undefined> {
  if (startup === undefined) return undefined;
  const end = await runCommand({ line: startup, environment: {}, input: '' });
  if (end.status === 'done') return end.output;
  throw new SetupError(`Backend.PreStartupCommand of the network configuration: ${end.reason}`);
}

/** The part of the underlay that is worth a line in the log; routes come and go with containers. */
function told({ link, mtu, publicAddresses }: Underlay): object {
  return { link, mtu, publicAddresses };
}

/** Throws a SetupError when weft has no such backend, or its options make no sense. */
export function backendFor(network: NetworkConfig): Backend {
  try {
    return createBackend(network.backend);
  } catch (cause) {
    if (cause instanceof RangeError) throw new SetupError(cause.message);
    throw cause;
  }
}
