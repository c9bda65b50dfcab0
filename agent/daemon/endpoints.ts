/** The endpoints of this host, with the machine's own means: files, kernel, runtimes, gossip, and the daemon's facts. */
import type { Logger } from 'pino';
import { encodeEndpoint, ENDPOINT_KIND } from '../../controlplane/names/index.ts';
import type { Config } from '../config/config.ts';
import { findContainer, isRemoved, runtimePlaces } from '../container/find.ts';
import { watchStarts } from '../container/engine.ts';
import { DNS_INSIDE, type EndpointAsker } from '../dns/service.ts';
import { Attachments } from '../endpoint/attachments.ts';
import type { Endpoint } from '../endpoint/endpoint.ts';
import { EndpointError } from '../endpoint/errors.ts';
import { macFor, type FoundBridge, type NetworkFacts } from '../endpoint/plan.ts';
import { DEFAULT_NETWORK } from '../endpoint/request.ts';
import { ResolverFiles, type ResolverPlaces } from '../endpoint/resolver.ts';
import { EndpointStore } from '../endpoint/store.ts';
import { addressToBytes } from '../ip/address.ts';
import { writeMac } from '../ip/mac.ts';
import { Inside } from '../kernel/netlink/inside.ts';
import { isThere } from '../kernel/namespace.ts';
import type { Resource } from '../state/resource.ts';
import { vethName, vethPeer } from '../state/veth.ts';
import { crashPoint } from './crash-point.ts';
import type { Daemon } from './daemon.ts';
import { bridgesOf, factsOf } from './endpoint-facts.ts';
import { findTarget } from './find-target.ts';
import { machineClock, machineRandom } from './machine.ts';

/** Links and addresses change in bursts; bridges are looked for this long after the first change, in ms. */
const BRIDGE_PAUSE = 100;
/** How often containers that stopped are looked for, in ms. An engine's events tell sooner. */
const AWAY_PAUSE = 1_000;
/** How often namespaces that sockets of ours keep alive are looked for, in ms. */
const GONE_PAUSE = 400;
const NAMED = '/etc/netns';

export function resolverPlaces({ dns }: Config): ResolverPlaces {
  return { named: NAMED, domain: dns?.domain, inside: DNS_INSIDE };
}

export class Endpoints {
  readonly attachments: Attachments;
  readonly #daemon: Daemon;
  readonly #log: Logger;
  readonly #store: EndpointStore;
  readonly #listeners = new Set<(id: string) => void>();
  /** What is wrong with an endpoint, by id. */
  readonly #troubles = new Map<string, string>();
  /** Of those being attached, the ones that may be answered inside. */
  readonly #configured = new Set<string>();
  #damaged: readonly string[] = [];
  #ends: (() => void)[] = [];
  #isStopped = false;
  #isLookingForBridges = false;
  #isLooking = false;
  #cancelLook: (() => void) | undefined;
  #cancelGone: (() => void) | undefined;
  #unwatchEngine: (() => void) | undefined;

  constructor(daemon: Daemon, log: Logger) {
    this.#daemon = daemon;
    this.#log = log;
    this.#store = new EndpointStore(daemon.config.stateDir);
    daemon.reporter.onRepair((resource) => this.#onRepair(resource));
    this.attachments = new Attachments({
      store: this.#store,
      kernel: daemon.reconciler,
      claims: daemon.claims,
      refusal: (network) => daemon.overlays.refusal(network),
      find: findTarget,
      isThere,
      enter: (namespace) => new Inside(namespace),
      names: {
        put: (endpoint) => this.#say(endpoint),
        remove: (id) => daemon.membership?.remove(ENDPOINT_KIND, id),
      },
      resolver: new ResolverFiles(resolverPlaces(daemon.config)),
      answeredInside: async (endpoint) => await this.#answeredInside(endpoint),
      step: crashPoint(process.env),
      random: machineRandom,
      now: () => new Date(),
      changed: (id) => this.#onChange(id),
    });
  }

  /** Finds what a weftd before this one left. To be done before the kernel follows. Throws a FileError. */
  async open(): Promise<void> {
    const { netlink } = this.#daemon.host;
    this.#ends = [
      netlink.watchGone((alias) => this.#onGone(alias)),
      netlink.watchUnderlay(() => this.#lookForBridgesSoon()),
    ];
    const { endpoints, damaged } = this.#store.load();
    this.#damaged = damaged;
    const links = new Set((await netlink.readLinks()).map(({ name }) => name));
    this.attachments.adopt(endpoints, (id) => links.has(vethName(id)));
    this.attachments.setBridges(await bridgesOf(netlink));
    this.#tellDns();
    this.#tell();
    this.#lookForAwaySoon();
  }

  /** The facts of this host may be others. */
  follow(): void {
    this.setNetwork(DEFAULT_NETWORK, factsOf(this.#daemon.planner));
  }

  /** A network is so on this host now. */
  setNetwork(name: string, facts: NetworkFacts | undefined): void {
    const isKnown = this.attachments.network(name) !== undefined;
    const isAnother = this.attachments.setNetwork(name, facts);
    if (isAnother) void this.refresh();
    if (isAnother || !isKnown) this.#tell();
  }

  /** Sets right what is inside the namespaces. Never rejects. */
  async refresh(): Promise<void> {
    await this.attachments.refresh((id, why) => this.#setTrouble(id, why));
  }

  stop(): void {
    this.#isStopped = true;
    for (const end of this.#ends) end();
    this.#cancelLook?.();
    this.#cancelGone?.();
    this.#unwatchEngine?.();
  }

  /** Calls back with the id of each that came, changed or went; the returned function ends that. */
  onChange(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  troubleOf(id: string): string | undefined {
    return this.#troubles.get(id);
  }

  #setTrouble(id: string, why: string | undefined): void {
    // It may have gone while it was looked at.
    const isHere = this.attachments.get(id) !== undefined;
    if (why === undefined || !isHere) this.#troubles.delete(id);
    else this.#troubles.set(id, why);
    this.#tell();
  }

  #say({ id, network, names, ports, addresses, place }: Endpoint): void {
    const values = Object.values(addresses);
    const [first] = values;
    if (first === undefined) return;
    const mac = new Uint8Array(6);
    writeMac(place?.mac ?? macFor(first), mac, 0);
    const host = place === undefined;
    const said = {
      id,
      network,
      names,
      mac,
      host,
      ports,
      addresses: values.map(addressToBytes),
    };
    this.#daemon.membership?.put(ENDPOINT_KIND, id, encodeEndpoint(said));
  }

  #onChange(id: string): void {
    const endpoint = this.attachments.get(id);
    const { state, target, names, addresses } = endpoint ?? {};
    const told = { endpoint: id, target, names, addresses: Object.values(addresses ?? {}) };
    if (state === 'attached') this.#log.info(told, 'endpoint attached');
    if (state === 'away') this.#log.info(told, 'the container of an endpoint stopped');
    if (state === undefined) this.#log.info({ endpoint: id }, 'endpoint gone');
    if (endpoint === undefined) this.#troubles.delete(id);
    for (const listener of this.#listeners) listener(id);
    if (state === 'away') this.#lookForAwaySoon();
    if (state !== 'attaching') this.#configured.delete(id);
    this.#tellDns();
    this.#tell();
  }

  /** Who may ask DNS, and where. */
  #tellDns(): void {
    const isHere = ({ id, state }: Endpoint): boolean =>
      state === 'attached' || (state === 'attaching' && this.#configured.has(id));
    const askers = [...this.attachments.list()].filter(isHere).map(askerOf);
    this.#daemon.dns?.setEndpoints(askers);
    this.#lookForGoneSoon();
  }

  /** Rejects with an EndpointError. */
  async #answeredInside({ id, target }: Endpoint): Promise<void> {
    const { dns } = this.#daemon;
    // Not before: what is bound while the loopback is down answers from another address.
    this.#configured.add(id);
    this.#tellDns();
    const why =
      dns === undefined ? 'DNS is switched off on this host' : await dns.problemInside(id);
    if (why === undefined) return;
    const message = `names cannot be answered inside of ${target}: ${why}`;
    throw new EndpointError('failed', message, 'attach it without --dns-inside');
  }

  // ---- what others do ----

  /** Where DNS answers inside, its sockets keep the namespace: that it has gone shows at its file only. */
  #lookForGoneSoon(): void {
    const isInside = ({ place, state }: Endpoint): boolean =>
      state === 'attached' && place?.dnsInside === true;
    if (this.#cancelGone !== undefined || this.#isStopped) return;
    if (![...this.attachments.list()].some(isInside)) return;
    this.#cancelGone = machineClock.after(GONE_PAUSE, () => {
      this.#cancelGone = undefined;
      for (const endpoint of Array.from(this.attachments.list()))
        if (isInside(endpoint)) this.attachments.pairGone(endpoint.id);
      this.#lookForGoneSoon();
    });
  }

  #onGone(alias: string | undefined): void {
    const peer = vethPeer(alias ?? '');
    if (peer !== undefined) this.attachments.pairGone(peer.endpoint);
    // Some may have been missed.
    if (alias === undefined)
      for (const { id } of Array.from(this.attachments.list())) this.attachments.pairGone(id);
  }

  /** The reconciler made it again after somebody else's deed. */
  #onRepair(resource: Resource): void {
    if (resource.kind !== 'link' || resource.type !== 'veth') return;
    const peer = vethPeer(resource.alias);
    if (peer === undefined) return;
    const settle = (why: string | undefined): void => this.#setTrouble(peer.endpoint, why);
    this.attachments.pairBack(peer.endpoint).then(
      () => settle(undefined),
      (cause: unknown) => settle(messageOf(cause)),
    );
  }

  #lookForBridgesSoon(): void {
    if (this.#isLookingForBridges || this.#isStopped) return;
    this.#isLookingForBridges = true;
    machineClock.after(BRIDGE_PAUSE, () => {
      this.#isLookingForBridges = false;
      if (this.#isStopped) return;
      void bridgesOf(this.#daemon.host.netlink).then(
        (bridges) => this.#setBridges(bridges),
        // What cannot be read now is read at the next change.
        () => this.#lookForBridgesSoon(),
      );
    });
  }

  #setBridges(bridges: readonly FoundBridge[]): void {
    this.attachments.setBridges(bridges);
    this.#daemon.overlays.follow();
  }

  #lookForAwaySoon(): void {
    if (this.#cancelLook !== undefined || this.#isStopped) return;
    if (![...this.attachments.list()].some(({ state }) => state === 'away')) return;
    this.#unwatchEngine ??= this.#watchEngine();
    this.#cancelLook = machineClock.after(AWAY_PAUSE, () => {
      this.#cancelLook = undefined;
      void this.#lookForAway();
    });
  }

  #watchEngine(): () => void {
    const [engine = ''] = runtimePlaces(process.env).engines;
    const ended = (): void => void (this.#unwatchEngine = () => {});
    return watchStarts(engine, () => void this.#lookForAway(), ended);
  }

  /** One after the other, and once at a time. */
  async #lookForAway(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    for (const endpoint of Array.from(this.attachments.list()))
      if (endpoint.state === 'away' && !this.#isStopped) await this.#lookFor(endpoint);
    this.#isLooking = false;
    this.#lookForAwaySoon();
  }

  async #lookFor({ id, target, place }: Endpoint): Promise<void> {
    const container = target.slice('ctr:'.length);
    try {
      const { state } = await findContainer(container);
      if (state === 'running') await this.attachments.welcome(id);
      else if (await isRemoved(container, place?.runtime)) await this.attachments.detach(id);
      this.#setTrouble(id, undefined);
    } catch (cause) {
      this.#setTrouble(id, messageOf(cause));
    }
  }

  #tell(): void {
    const problems = [
      ...this.#damaged.map((file) => ({
        code: 'ENDPOINT_FILE',
        message: `${file} was the file of an endpoint and is damaged: attach it again, and remove the file`,
        subject: file,
      })),
      ...[...this.attachments.strangers()].map(({ id, target }) => ({
        code: 'ENDPOINT_SUBNET',
        message: `endpoint ${id} (${target}) has an address that is of no subnet of its network, so that its names are withdrawn: detach it and attach it again`,
        subject: id,
      })),
      ...[...this.#troubles].map(([id, why]) => ({
        code: 'ENDPOINT',
        message: `endpoint ${id} is not as it should be: ${why}`,
        subject: id,
      })),
    ];
    for (const { message } of this.#daemon.board.set('endpoints', problems))
      this.#log.warn(message);
  }
}

function askerOf({ id, network, addresses, place }: Endpoint): EndpointAsker {
  const inside = place?.dnsInside === true ? place.namespace : undefined;
  const links = place?.links ?? [];
  return { id, network, addresses: Object.values(addresses), inside, links };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
