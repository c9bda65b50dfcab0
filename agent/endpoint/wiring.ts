/** What endpoints want of this host's kernel, as slices of its desired state: a pair for each, and a bridge for each network. */
import type { Problem } from '../state/reconciler.ts';
import { FIREWALL_KEY, keyOf, type Key, type Resource } from '../state/resource.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import {
  bridgeFor,
  bridgeResources,
  forwardingFor,
  vethOf,
  type FoundBridge,
  type NetworkFacts,
} from './plan.ts';
import { DEFAULT_NETWORK } from './request.ts';

/** The reconciler. */
export interface WiringKernel {
  set(slice: string, resources: readonly Resource[]): void;
  tried(keys: readonly Key[]): Promise<readonly Problem[]>;
}

export class Wiring {
  readonly #kernel: WiringKernel;
  /** By slice. */
  readonly #keys = new Map<string, readonly Key[]>();
  readonly #networks = new Map<string, NetworkFacts>();
  /** Networks in which there is anybody to be joined. */
  #needed: ReadonlySet<string> = new Set();
  #others: readonly FoundBridge[] = [];

  constructor(kernel: WiringKernel) {
    this.#kernel = kernel;
  }

  /** Undefined before it is known. */
  network(name: string): NetworkFacts | undefined {
    return this.#networks.get(name);
  }

  /** Those in which there is anybody. */
  get needed(): ReadonlySet<string> {
    return this.#needed;
  }

  /** Undefined before the network is known. */
  bridge(name: string): string | undefined {
    const network = this.#networks.get(name);
    return network && bridgeFor(network, name === DEFAULT_NETWORK ? this.#others : []);
  }

  /** These are the facts of a network now, and these endpoints are attached. */
  plan(name: string, network: NetworkFacts, attached: Iterable<Endpoint>): void {
    this.#networks.set(name, network);
    this.#planNetwork(name, attached);
  }

  /** Networks that are none of these are no more; facts stay of those in which there is anybody. */
  forget(known: ReadonlySet<string>): void {
    for (const name of Array.from(this.#networks.keys()))
      if (name !== DEFAULT_NETWORK && !known.has(name) && !this.#needed.has(name))
        this.#networks.delete(name);
  }

  /** These are the bridges of others: the network of this host's leased subnet joins the one that has its gateway. */
  setOthers(others: readonly FoundBridge[], attached: Iterable<Endpoint>): void {
    this.#others = others;
    if (this.#networks.has(DEFAULT_NETWORK)) this.#planNetwork(DEFAULT_NETWORK, attached);
  }

  #planNetwork(name: string, attached: Iterable<Endpoint>): void {
    this.#planBridge(name);
    for (const endpoint of attached) if (endpoint.network === name) this.#planPair(endpoint);
  }

  /** Our own bridges stand only where there is anybody to be joined. */
  need(networks: ReadonlySet<string>): void {
    const before = this.#needed;
    this.#needed = networks;
    for (const name of new Set([...before, ...networks]))
      if (before.has(name) !== networks.has(name)) this.#planBridge(name);
  }

  /**
   * Resolves when bridge and pair stand; without a place, the bridge. Whoever is new in a network that users have made
   * does not get in before it is kept apart. Rejects with an EndpointError.
   */
  async stand(endpoint: Endpoint): Promise<void> {
    const { network, state } = endpoint;
    if (!this.#networks.has(network))
      throw new EndpointError('not-ready', 'this host has no subnet yet');
    this.need(new Set([...this.#needed, network]));
    const isKeptApart = network !== DEFAULT_NETWORK && state === 'attaching';
    const keys = [
      ...this.#planBridge(network),
      ...this.#planPair(endpoint),
      ...(isKeptApart ? [FIREWALL_KEY] : []),
    ];
    const [problem] = await this.#kernel.tried(keys);
    if (problem !== undefined) throw new EndpointError('failed', problem.message);
  }

  /** Resolves when the pair has gone, as far as the kernel let go of it. */
  async drop(id: string): Promise<void> {
    await this.#kernel.tried(this.#setSlice(pairSlice(id), []));
  }

  /** Resolves when a bridge that nobody needs has gone, as far as the kernel let go of it. */
  async dropBridge(network: string): Promise<void> {
    await this.#kernel.tried(this.#planBridge(network));
  }

  #planBridge(name: string): readonly Key[] {
    const network = this.#networks.get(name);
    if (network === undefined) return [];
    this.#planForwarding();
    const isOurs = this.#needed.has(name) && this.bridge(name) === network.bridge;
    const slice = name === DEFAULT_NETWORK ? 'bridge' : `bridge ${name}`;
    return this.#setSlice(slice, isOurs ? bridgeResources(network) : []);
  }

  /** It is the host's, whichever bridge it is for. */
  #planForwarding(): void {
    const standing = [...this.#networks]
      .filter(([name, { bridge }]) => this.#needed.has(name) && this.bridge(name) === bridge)
      .map(([, network]) => network);
    this.#setSlice('forwarding', forwardingFor(standing));
  }

  #planPair(endpoint: Endpoint): readonly Key[] {
    const { place, network: name, id } = endpoint;
    const network = this.#networks.get(name);
    const bridge = this.bridge(name);
    if (place === undefined || network === undefined || bridge === undefined) return [];
    return this.#setSlice(pairSlice(id), [vethOf(endpoint, place, bridge, network.mtu)]);
  }

  /** Returns the keys of what was wanted before and is now. */
  #setSlice(slice: string, resources: readonly Resource[]): readonly Key[] {
    const before = this.#keys.get(slice) ?? [];
    const now = resources.map(keyOf);
    if (now.length === 0) this.#keys.delete(slice);
    else this.#keys.set(slice, now);
    this.#kernel.set(slice, resources);
    return [...new Set([...before, ...now])];
  }
}

function pairSlice(id: string): string {
  return `endpoint ${id}`;
}
