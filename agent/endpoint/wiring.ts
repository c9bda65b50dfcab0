/** What endpoints want of this host's kernel, as slices of its desired state: a pair for each, and a bridge to join them. */
import type { Problem } from '../state/reconciler.ts';
import { BRIDGE, keyOf, type Key, type Resource } from '../state/resource.ts';
import type { Endpoint, Place } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import { bridgeFor, bridgeResources, vethOf, type FoundBridge, type NetworkFacts } from './plan.ts';

/** The reconciler. */
export interface WiringKernel {
  set(slice: string, resources: readonly Resource[]): void;
  tried(keys: readonly Key[]): Promise<readonly Problem[]>;
}

export class Wiring {
  readonly #kernel: WiringKernel;
  /** By slice. */
  readonly #keys = new Map<string, readonly Key[]>();
  #network: NetworkFacts | undefined;
  #others: readonly FoundBridge[] = [];
  #isNeeded = false;

  constructor(kernel: WiringKernel) {
    this.#kernel = kernel;
  }

  get network(): NetworkFacts | undefined {
    return this.#network;
  }

  /** Undefined before the network is known. */
  get bridge(): string | undefined {
    return this.#network && bridgeFor(this.#network, this.#others);
  }

  /** These are the facts now, and these endpoints are attached. */
  plan(
    {
      network = this.#network,
      others = this.#others,
    }: {
      readonly network?: NetworkFacts | undefined;
      readonly others?: readonly FoundBridge[];
    },
    attached: Iterable<Endpoint>,
  ): void {
    this.#network = network;
    this.#others = others;
    if (network === undefined) return;
    this.#planBridge();
    for (const endpoint of attached) {
      const { place, id } = endpoint;
      if (place !== undefined) this.#set(id, [this.#vethOf(endpoint, place, network)]);
    }
  }

  /** Whether there is anybody to be joined: our own bridge stands only then. */
  need(isNeeded: boolean): void {
    if (this.#isNeeded === isNeeded) return;
    this.#isNeeded = isNeeded;
    this.#planBridge();
  }

  /** Resolves when bridge and pair stand; without a place, the bridge. Rejects with an EndpointError. */
  async stand(endpoint: Endpoint): Promise<void> {
    const { place, id } = endpoint;
    const network = this.#network;
    if (network === undefined) throw new EndpointError('not-ready', 'this host has no subnet yet');
    this.#isNeeded = true;
    const bridge = this.#planBridge();
    const pair = place === undefined ? [] : this.#set(id, [this.#vethOf(endpoint, place, network)]);
    const [problem] = await this.#kernel.tried([...bridge, ...pair]);
    if (problem !== undefined) throw new EndpointError('failed', problem.message);
  }

  /** Resolves when the pair has gone, as far as the kernel let go of it. */
  async drop(id: string): Promise<void> {
    await this.#kernel.tried(this.#set(id, []));
  }

  /** Resolves when a bridge that nobody needs has gone, as far as the kernel let go of it. */
  async dropBridge(): Promise<void> {
    await this.#kernel.tried(this.#planBridge());
  }

  #planBridge(): readonly Key[] {
    if (this.#network === undefined) return [];
    const isOurs = this.#isNeeded && this.bridge === BRIDGE;
    return this.#setSlice('bridge', isOurs ? bridgeResources(this.#network) : []);
  }

  #vethOf(endpoint: Endpoint, place: Place, { mtu }: NetworkFacts) {
    return vethOf(endpoint, place, this.bridge ?? BRIDGE, mtu);
  }

  #set(id: string, resources: readonly Resource[]): readonly Key[] {
    return this.#setSlice(`endpoint ${id}`, resources);
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
