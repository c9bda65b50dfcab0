/**
 * Endpoints of other hosts as entries of the networks that stand on this one: a slice of desired state for each, so that
 * a change costs what changed. Of networks in which this host has no endpoint nothing is programmed. Pure.
 */
import type { Address } from '../ip/address.ts';
import type { Mac } from '../ip/mac.ts';
import { keyOf, type Key, type Resource } from '../state/resource.ts';
import type { NetworkDefinition } from './definition.ts';
import { KeptEntries, type SliceTarget } from './kept.ts';
import { floodResources, portName, remoteResources, type OverlayHost } from './overlay.ts';
import type { Vteps } from './vteps.ts';

export interface Remote {
  /** Who says it. */
  readonly owner: string;
  readonly id: string;
  readonly network: string;
  readonly addresses: readonly Address[];
  readonly mac: Mac;
}

export class Remotes {
  readonly #target: SliceTarget;
  readonly #remotes = new Map<string, Remote>();
  readonly #byNetwork = new Index();
  readonly #byOwner = new Index();
  /** By network and owner: hosts that have endpoints in a network. */
  readonly #byHost = new Index();
  readonly #vteps: Pick<Vteps, 'of'>;
  readonly #planned = new Map<string, readonly Resource[]>();
  /** How many plan something there: two, while an endpoint moves from host to host. */
  readonly #claims = new Map<Key, number>();
  readonly kept: KeptEntries;
  #host: OverlayHost | undefined;
  /** Those that stand here, by name. */
  #networks: ReadonlyMap<string, NetworkDefinition> = new Map();

  constructor(target: SliceTarget, vteps: Pick<Vteps, 'of'>) {
    this.#target = target;
    this.#vteps = vteps;
    this.kept = new KeptEntries(target);
  }

  /** Undefined before this host has a place in the mesh. */
  setHost(host: OverlayHost | undefined): void {
    if (JSON.stringify(host) === JSON.stringify(this.#host)) return;
    this.#host = host;
    this.#planAll(this.#remotes.keys());
  }

  /** These networks stand here, and no others. */
  setNetworks(networks: ReadonlyMap<string, NetworkDefinition>): void {
    const before = this.#networks;
    this.#networks = networks;
    for (const [name, { vni }] of before) {
      if (networks.get(name)?.vni === vni) continue;
      this.kept.leave([portName({ vni }, 4), portName({ vni }, 6)]);
      this.#planAll(this.#byNetwork.of(name));
    }
    for (const [name, network] of networks)
      if (before.get(name) !== network) this.#planAll(this.#byNetwork.of(name));
  }

  put(remote: Remote): void {
    const slice = sliceOf(remote.owner, remote.id);
    const before = this.#remotes.get(slice);
    if (before !== undefined && before.network !== remote.network) this.#unlist(slice, before);
    this.#remotes.set(slice, remote);
    this.#byNetwork.add(remote.network, slice);
    this.#byOwner.add(remote.owner, slice);
    this.#byHost.add(hostKey(remote), slice);
    this.#plan(slice);
    this.#planFlood(remote);
  }

  #unlist(slice: string, remote: Remote): void {
    this.#byNetwork.remove(remote.network, slice);
    this.#byOwner.remove(remote.owner, slice);
    this.#byHost.remove(hostKey(remote), slice);
    this.#planFlood(remote);
  }

  /** `isWithdrawn`: its host said so; else it is silent, and what stands is kept. */
  remove(owner: string, id: string, isWithdrawn: boolean): void {
    const slice = sliceOf(owner, id);
    const remote = this.#remotes.get(slice);
    if (remote === undefined) return;
    const stood = [slice, floodSlice(remote)].flatMap((each) => this.#planned.get(each) ?? []);
    this.#remotes.delete(slice);
    this.#unlist(slice, remote);
    this.#set(slice, []);
    if (!isWithdrawn) this.kept.keep(stood.filter((each) => !this.#claims.has(keyOf(each))));
  }

  /** That host takes packets somewhere else, or nowhere any more. */
  moved(owner: string): void {
    this.#planAll(this.#byOwner.of(owner));
  }

  #planAll(slices: Iterable<string>): void {
    const hosts = new Map<string, Remote>();
    for (const slice of slices) {
      this.#plan(slice);
      const remote = this.#remotes.get(slice);
      if (remote !== undefined) hosts.set(hostKey(remote), remote);
    }
    for (const remote of hosts.values()) this.#planFlood(remote);
  }

  /** For the host of an endpoint in a network, as long as it has any. */
  #planFlood(remote: Remote): void {
    const network = this.#networks.get(remote.network);
    const vtep = this.#vteps.of(remote.owner);
    const isWanted = this.#byHost.of(hostKey(remote)).size > 0;
    const host = this.#host;
    const isReachable = isWanted && network !== undefined && vtep !== undefined;
    this.#set(
      floodSlice(remote),
      isReachable && host !== undefined ? floodResources(network, host, vtep) : [],
    );
  }

  #plan(slice: string): void {
    const remote = this.#remotes.get(slice);
    if (remote === undefined) return;
    const network = this.#networks.get(remote.network);
    const vtep = this.#vteps.of(remote.owner);
    const host = this.#host;
    const isReachable = network !== undefined && vtep !== undefined && host !== undefined;
    this.#set(slice, isReachable ? remoteResources(network, host, { ...remote, vtep }) : []);
  }

  #set(slice: string, resources: readonly Resource[]): void {
    if (resources.length === 0 && !this.#planned.has(slice)) return;
    for (const each of this.#planned.get(slice) ?? []) this.#claim(keyOf(each), -1);
    for (const each of resources) this.#claim(keyOf(each), 1);
    if (resources.length === 0) this.#planned.delete(slice);
    else this.#planned.set(slice, resources);
    this.kept.claim(resources.map(keyOf));
    this.#target.set(slice, resources);
  }

  #claim(key: Key, by: number): void {
    const claims = (this.#claims.get(key) ?? 0) + by;
    if (claims === 0) this.#claims.delete(key);
    else this.#claims.set(key, claims);
  }
}

function sliceOf(owner: string, id: string): string {
  return `remote ${owner}/${id}`;
}

function hostKey({ network, owner }: Remote): string {
  return `${network} ${owner}`;
}

function floodSlice(remote: Remote): string {
  return `flood ${hostKey(remote)}`;
}

/** Slices by something they have in common. */
class Index {
  readonly #sets = new Map<string, Set<string>>();

  of(key: string): ReadonlySet<string> {
    return this.#sets.get(key) ?? new Set();
  }

  add(key: string, slice: string): void {
    const set = this.#sets.get(key);
    if (set === undefined) this.#sets.set(key, new Set([slice]));
    else set.add(slice);
  }

  remove(key: string, slice: string): void {
    const set = this.#sets.get(key);
    set?.delete(slice);
    if (set?.size === 0) this.#sets.delete(key);
  }
}
