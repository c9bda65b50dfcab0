/**
 * Turns facts into slices of desired state: one for the host, one for each peer's lease. Keeps nothing but
 * the facts of the moment; whoever calls it says what changed.
 */
import {
  meshTypeOf,
  type Backend,
  type MeshPlan,
  type PeerPlan,
  type Published,
} from '../backend/backend.ts';
import { alongPath } from '../backend/path-mtu.ts';
import { Ways, type Way } from '../backend/ways.ts';
import type { NetworkFirewall } from '../firewall/networks.ts';
import { firewallPlan } from '../firewall/plan.ts';
import { overlayHost, type OverlayHost } from '../network/overlay.ts';
import type { HostFacts, Lease, PerFamily } from '../state/facts.ts';
import { keyOf, type Link, type Resource } from '../state/resource.ts';
import type { PeerSessions } from '../state/wireguard.ts';
import type { Prefix } from '../ip/prefix.ts';

/** Peers planned before the event loop gets its turn: a few ms of work. */
const SLICE = 100;
/** Peer problems kept for `weft status`; there may be as many as peers, and the first tell the story. */
const PROBLEM_LIMIT = 100;

export interface FirewallWishes {
  readonly masquerade: boolean;
  readonly fullyRandom: boolean;
  readonly forwardRules: boolean;
  readonly blackholeRoute: boolean;
}

export interface PlannerParts {
  /** Takes the slices: the reconciler. */
  readonly target: { set(slice: string, resources: readonly Resource[]): void };
  readonly firewall: FirewallWishes;
  /** Lets the event loop turn. */
  readonly turn: () => Promise<void>;
  /** In s since 1970. */
  readonly seconds: () => number;
}

export type LeaseChange =
  | { readonly type: 'put'; readonly id: string; readonly lease: Lease }
  | { readonly type: 'remove'; readonly id: string };

/** How a peer is reached now. */
export interface PeerView extends PeerPlan {
  readonly lease: Lease;
  /** Of the mesh that reaches it. */
  readonly backend: string;
  /** Largest packet a workload may send it, in bytes. */
  readonly mtu: number;
}

interface Mesh {
  readonly type: string;
  readonly facts: HostFacts;
  readonly published: Published;
  readonly plan: MeshPlan;
  /** Its links, by name. */
  readonly links: ReadonlyMap<string, Link>;
}

interface Former extends Mesh {
  /** Somebody was changing a key then: the detour stands as long as the mesh, as peers may send by it. */
  readonly hasDetour: boolean;
  /** The peers' as they were when this mesh was given up. */
  readonly leases: ReadonlyMap<string, Lease>;
}

export class Planner {
  readonly #parts: PlannerParts;
  readonly #peers = new Map<string, Lease>();
  readonly #problems = new Map<string, string>();
  /** How many peers are of each backend. */
  readonly #tally = new Map<string, number>();
  /** By type. As many as there are backends, at most. */
  readonly #formers = new Map<string, Former>();
  /** Of peers to whom the path carries less than the underlay's link, in bytes. */
  readonly #pathMtus = new Map<string, number>();
  readonly #ways: Ways;
  #detourStands = false;
  #mesh: Mesh | undefined;
  #forwardChains: PerFamily<string> = {};
  #userNetworks: NetworkFirewall = { standing: [], known: [], ports: [], endpoints: [] };

  constructor(parts: PlannerParts) {
    this.#parts = parts;
    this.#ways = new Ways(parts.seconds);
  }

  get facts(): HostFacts | undefined {
    return this.#mesh?.facts;
  }

  /** What networks are built on; undefined before the first mesh. */
  get overlay(): OverlayHost | undefined {
    return this.#mesh && overlayHost(this.#mesh);
  }

  /** Largest packet a workload may send, in bytes; undefined before the first mesh. */
  get mtu(): number | undefined {
    return this.#mesh?.plan.mtu;
  }

  get peerCount(): number {
    return this.#peers.size;
  }

  /** Peers to whom the path carries less than the underlay's link. */
  get smallPaths(): number {
    return this.#pathMtus.size;
  }

  /** The backend of a peer's lease. */
  typeOf(id: string): string | undefined {
    const lease = this.#peers.get(id);
    return lease && meshTypeOf(lease);
  }

  /** Undefined if there is no such peer, or no mesh yet. */
  peer(id: string): PeerView | undefined {
    const lease = this.#peers.get(id);
    const mesh = lease === undefined ? undefined : this.#meshFor(lease);
    if (lease === undefined || mesh === undefined) return undefined;
    const { resources, ...plan } = this.#planFor(id, lease, mesh, this.#ways.of(id));
    const sizes = resources.flatMap((each) => (each.kind === 'route' ? (each.mtu ?? []) : []));
    const mtu = Math.min(mesh.plan.mtu, ...sizes);
    return { lease, backend: mesh.type, mtu, resources, ...plan };
  }

  /** The link of the mesh, of its detour, or of a former one, that has this name. */
  link(name: string): Link | undefined {
    const formers = [...this.#formers.values()].map(({ links }) => links.get(name));
    return [this.#mesh?.links.get(name), ...formers].find((link) => link !== undefined);
  }

  /** Peers that cannot be reached, wholly or in one family, and why; at most PROBLEM_LIMIT. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  get peers(): ReadonlyMap<string, Lease> {
    return this.#peers;
  }

  /** Whether there are two ways to some peer, as somebody changes a key. */
  get hasDetour(): boolean {
    return this.#ways.size > 0;
  }

  /** Peers that have not come to the way that is aimed at. */
  behind(): Iterable<{ readonly id: string; readonly inSession: boolean }> {
    return this.#ways.behind();
  }

  /** These are all sessions there are: some peers may be sent to by another way now. */
  look(sessions: PeerSessions): void {
    for (const id of this.#ways.look(sessions)) {
      const lease = this.#peers.get(id);
      if (lease !== undefined) this.#planPeer(id, lease);
    }
  }

  /** Backends whose meshes still stand beside the present one, and how many peers have not left each. */
  get formers(): ReadonlyMap<string, number> {
    return new Map([...this.#formers.keys()].map((type) => [type, this.#tally.get(type) ?? 0]));
  }

  /**
   * The host's own facts changed: everything is planned anew, the host first, peers in slices. The mesh of another
   * backend stays up beside the new one until `dropFormer`: peers that have not changed over yet are reached by
   * it, and still send by it.
   */
  async setMesh(backend: Backend, facts: HostFacts, published: Published): Promise<void> {
    const { type } = backend;
    if (this.#mesh !== undefined && this.#mesh.type !== type)
      this.#formers.set(this.#mesh.type, this.#former(this.#mesh));
    this.#formers.delete(type);
    const plan = backend.plan(facts, published);
    this.#mesh = { type, facts, published, plan, links: linksOf(plan) };
    await this.#planAll();
  }

  #former(mesh: Mesh): Former {
    return { ...mesh, leases: new Map(this.#peers), hasDetour: this.hasDetour };
  }

  async dropFormer(type: string): Promise<void> {
    this.#formers.delete(type);
    await this.#planAll();
  }

  async #planAll(): Promise<void> {
    const mesh = this.#mesh;
    this.#planHost();
    let planned = 0;
    for (const id of this.#peers.keys()) {
      if (++planned % SLICE === 0) await this.#parts.turn();
      if (this.#mesh !== mesh) return;
      // It may have changed, or gone, during that turn.
      const lease = this.#peers.get(id);
      if (lease !== undefined) this.#planPeer(id, lease);
    }
    if (this.hasDetour !== this.#detourStands) this.#planHost();
  }

  /** Largest packet that the path to a peer carries, in bytes; undefined: as many as the underlay's link. */
  setPathMtu(id: string, mtu: number | undefined): void {
    const lease = this.#peers.get(id);
    if (this.#pathMtus.get(id) === mtu || lease === undefined) return;
    if (mtu === undefined) this.#pathMtus.delete(id);
    else this.#pathMtus.set(id, mtu);
    this.#planPeer(id, lease);
  }

  /** The chain in which somebody else's firewall would drop what we forward appeared, changed or went. */
  setForwardChains(chains: PerFamily<string>): void {
    this.#forwardChains = chains;
    this.#planHost();
  }

  /** Networks that users have made came, changed or went, here or elsewhere. */
  setUserNetworks(networks: NetworkFirewall): void {
    if (JSON.stringify(networks) === JSON.stringify(this.#userNetworks)) return;
    this.#userNetworks = networks;
    this.#planHost();
  }

  change(changes: readonly LeaseChange[]): void {
    for (const change of changes) {
      this.#count(this.typeOf(change.id), -1);
      if (change.type === 'put') {
        this.#count(meshTypeOf(change.lease), 1);
        this.#peers.set(change.id, change.lease);
        this.#planPeer(change.id, change.lease);
      } else {
        this.#peers.delete(change.id);
        this.#problems.delete(change.id);
        this.#pathMtus.delete(change.id);
        this.#ways.to(change.id, undefined);
        this.#parts.target.set(peerSlice(change.id), []);
      }
    }
    if (this.hasDetour !== this.#detourStands) this.#planHost();
  }

  #count(type: string | undefined, by: number): void {
    if (type !== undefined) this.#tally.set(type, (this.#tally.get(type) ?? 0) + by);
  }

  /** These are all the peers there are: others are forgotten, and returned. */
  retain(ids: ReadonlySet<string>): readonly LeaseChange[] {
    const gone = [...this.#peers.keys()].filter((id) => !ids.has(id));
    const changes = gone.map((id): LeaseChange => ({ type: 'remove', id }));
    this.change(changes);
    return changes;
  }

  #planHost(): void {
    if (this.#mesh === undefined) return;
    const { facts, plan } = this.#mesh;
    this.#detourStands = this.hasDetour;
    // While another mesh stands beside it, peers may still send by that.
    const encrypts = this.#formers.size === 0 ? plan.encrypts : undefined;
    const firewall = firewallPlan({
      networks: networksOf(facts),
      subnets: facts.subnets,
      masquerade: this.#parts.firewall.masquerade,
      fullyRandom: this.#parts.firewall.fullyRandom,
      forward: this.#parts.firewall.forwardRules,
      blackholeRoute: this.#parts.firewall.blackholeRoute,
      forwardChains: this.#forwardChains,
      userNetworks: this.#userNetworks,
      ...(encrypts === 'everything' ? { closedLink: facts.underlay.link } : {}),
      ...(typeof encrypts === 'object' ? { encryptedLinks: encrypts.links } : {}),
    });
    const formers = [...this.#formers.values()].flatMap((former) =>
      this.#hostOf(former, former.hasDetour),
    );
    const own = this.#hostOf(this.#mesh);
    this.#parts.target.set('host', oncePerKey([...formers, ...own, ...firewall]));
  }

  #hostOf({ facts, plan }: Mesh, hadDetour = false): readonly Resource[] {
    const isDetouring = this.hasDetour || hadDetour || facts.rotation !== undefined;
    return isDetouring ? [...plan.host, ...(plan.detour ?? [])] : plan.host;
  }

  #planPeer(id: string, lease: Lease): void {
    const mesh = this.#meshFor(lease);
    if (mesh === undefined) return;
    const way = this.#ways.to(id, mesh.plan.aim?.(lease));
    const { resources, problem } = this.#planFor(id, lease, mesh, way);
    if (problem === undefined) this.#problems.delete(id);
    else if (this.#problems.size < PROBLEM_LIMIT || this.#problems.has(id)) {
      this.#problems.set(id, problem);
    }
    this.#parts.target.set(peerSlice(id), oncePerKey([...this.#parting(id, lease), ...resources]));
  }

  #planFor(id: string, lease: Lease, { plan, links }: Mesh, way: Way): PeerPlan {
    const planned = plan.peer(lease, way);
    const pathMtu = this.#pathMtus.get(id);
    if (pathMtu === undefined) return planned;
    const resources = alongPath(planned.resources, pathMtu, (name) => links.get(name));
    return { ...planned, resources };
  }

  #meshFor(lease: Lease): Mesh | undefined {
    return this.#formers.get(meshTypeOf(lease)) ?? this.#mesh;
  }

  /** A peer that has changed over may still have sent by a former mesh, and WireGuard takes packets of peers only. */
  #parting(id: string, lease: Lease): readonly Resource[] {
    return [...this.#formers.values()].flatMap(({ type, plan, leases }) => {
      const before = leases.get(id);
      if (before?.backendType !== type || lease.backendType === type) return [];
      return plan.peer(before).resources.filter(({ kind }) => kind === 'wireguard-peer');
    });
  }
}

/** Of two resources in one place the later counts. */
function oncePerKey(resources: readonly Resource[]): Resource[] {
  return [...new Map(resources.map((resource) => [keyOf(resource), resource])).values()];
}

function linksOf({ host, detour = [] }: MeshPlan): ReadonlyMap<string, Link> {
  const links = [...host, ...detour].filter((each): each is Link => each.kind === 'link');
  return new Map(links.map((link) => [link.name, link]));
}

function peerSlice(id: string): string {
  return `peer ${id}`;
}

function networksOf({ network, subnets }: HostFacts): PerFamily<Prefix> {
  const families = ([4, 6] as const).filter((family) => subnets[family] !== undefined);
  return Object.fromEntries(families.map((family) => [family, network.ranges[family]?.network]));
}
