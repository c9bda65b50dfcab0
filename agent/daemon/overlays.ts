/**
 * Networks that users have made, on this host: which of them stand here, what endpoints find there, who is in them on
 * other hosts, how the firewall keeps them apart, and where DNS listens.
 */
import { decodeEndpoint, ENDPOINT_KIND } from '../../controlplane/names/index.ts';
import { EndpointError } from '../endpoint/errors.ts';
import type { NetworkFacts } from '../endpoint/plan.ts';
import { DEFAULT_NETWORK, noNetwork } from '../endpoint/request.ts';
import type { NetworkFirewall } from '../firewall/networks.ts';
import type { EndpointBridge } from '../firewall/vxlan.ts';
import type { MemberChange, MemberView, RecordChange, RecordView } from '../gossip/member.ts';
import { addressFromBytes } from '../ip/address.ts';
import { macFromBytes } from '../ip/mac.ts';
import { partsOf, socketAddress } from '../ip/socket-address.ts';
import type { NetworkDefinition } from '../network/definition.ts';
import { bridgeName, OVERLAY_PORT, portName } from '../network/overlay.ts';
import { Remotes } from '../network/remotes.ts';
import type { NetworkChange } from '../network/table.ts';
import { addressesOf, Vteps } from '../network/vteps.ts';
import { BRIDGE, type Resource } from '../state/resource.ts';
import type { Daemon } from './daemon.ts';
import { factsOfNetwork, gatewaysOf, subnetsOf } from './endpoint-facts.ts';
import type { HostKernel } from './host-kernel.ts';
import { machineClock } from './machine.ts';
import { ownRoutes } from './networks-of.ts';
import type { LeaseChange } from './planner.ts';

/** A host that is there for this long, in ms, has said all of its endpoints: exchanges come in 1, 2, 4, … s. */
const SAID_ALL = 60_000;

/** What of networks this needs: agent/network/networks.ts. */
export interface KnownNetworks {
  get(name: string): NetworkDefinition | undefined;
  list(): Iterable<NetworkDefinition>;
  onChange(listener: (change: NetworkChange) => void): () => void;
}

export class Overlays {
  readonly #daemon: Daemon;
  readonly #networks: KnownNetworks;
  readonly #vteps = new Vteps();
  readonly #remotes: Remotes;
  /** Of those in which this host has endpoints: as they were last known. */
  #joined: ReadonlyMap<string, NetworkDefinition> = new Map();
  /** Members that are there, and what ends the wait until they have said all. */
  readonly #present = new Map<string, () => void>();
  #overlay = '';
  /** Of the last mesh that encrypted everything: what stands of it still takes packets. */
  #tunnel: string | undefined;
  #members = '[]';
  #ends: (() => void)[] = [];
  /** All of them are looked at in this turn of the loop. */
  #isDue = false;
  #isStopped = false;

  constructor(daemon: Daemon, networks: KnownNetworks) {
    this.#daemon = daemon;
    this.#networks = networks;
    this.#remotes = new Remotes(daemon.reconciler, this.#vteps);
  }

  /** Endpoints of this host are known, and the kernel is not followed yet. Rejects with a KernelError. */
  async open(): Promise<void> {
    const { membership, endpoints } = this.#daemon;
    this.#ends = [
      this.#networks.onChange((change) => this.#changed(change)),
      endpoints.onChange(() => {
        this.#joinedChanged();
        this.#tellMembers();
      }),
      membership?.onChange((change) => this.#member(change)) ?? (() => {}),
      membership?.onRecord(ENDPOINT_KIND, (change) => this.#record(change)) ?? (() => {}),
    ];
    this.#tellFacts(this.#networks.list());
    this.#defined();
    for (const member of membership?.member?.members() ?? [])
      this.#member({ type: 'present', member });
    for (const after of membership?.records(ENDPOINT_KIND) ?? []) this.#record({ after });
    this.#remotes.kept.keep(await entriesOf(this.#daemon.host, [...this.#joined.values()]));
  }

  stop(): void {
    this.#isStopped = true;
    for (const end of this.#ends) end();
    for (const cancel of this.#present.values()) cancel();
  }

  /** Why nobody can join that network on this host now, if so. Never rejects. */
  async refusal(name: string): Promise<EndpointError | undefined> {
    if (name === DEFAULT_NETWORK) return undefined;
    const definition = this.#networks.get(name);
    if (definition === undefined) return noNetwork(name);
    return this.#inTheClear(definition) ?? (await this.#collision(definition));
  }

  #inTheClear({ name, encrypted }: NetworkDefinition): EndpointError | undefined {
    const { overlay } = this.#daemon.planner;
    if (!encrypted || overlay === undefined || overlay.tunnel !== undefined) return undefined;
    const type = this.#daemon.network?.backend.type ?? 'another';
    return new EndpointError(
      'failed',
      `the network ${name} is encrypted, and the mesh is ${type}, which does not encrypt everything`,
      'make it wireguard with weft network configuration, or use a network that is not encrypted',
    );
  }

  /** Who made a route on this host since the network was created was not asked then: two links would have the subnet. */
  async #collision(definition: NetworkDefinition): Promise<EndpointError | undefined> {
    const { name } = definition;
    // Its bridge stands.
    if (this.#daemon.endpoints.attachments.joined.has(name)) return undefined;
    const subnets = Object.values(subnetsOf(definition));
    // What cannot be read is in nobody's way, as at its creation.
    const [route] = await ownRoutes(this.#daemon, subnets).catch(() => []);
    if (route === undefined) return undefined;
    return new EndpointError(
      'failed',
      `the network ${name} (${subnets.join(', ')}) overlaps the route ${route.prefix} (${route.link}) of this host`,
      'remove what has that route, or use another network',
    );
  }

  /** The facts of this host, or the bridge of its leased subnets, may be others. */
  follow(): void {
    const { overlay } = this.#daemon.planner;
    const text = JSON.stringify([overlay, this.#leasedBridges()]);
    if (text === this.#overlay) return;
    this.#overlay = text;
    this.#remotes.setHost(overlay);
    this.#tellFacts(this.#networks.list());
    this.#tellFirewall();
    this.#tellMembers();
  }

  /** Other hosts' leases. */
  leases(changes: readonly LeaseChange[]): void {
    for (const change of changes) {
      const lease = change.type === 'put' ? change.lease : undefined;
      const moved = this.#vteps.lease(change.id, lease);
      if (moved !== undefined) this.#remotes.moved(moved);
    }
    if (changes.some(({ type }) => type === 'remove')) this.#forgetLeaseless();
  }

  /** All leases were told: who has none is no host. */
  synced(): void {
    this.#forgetLeaseless();
  }

  #forgetLeaseless(): void {
    if (this.#remotes.kept.size > 0) this.#remotes.kept.retain(this.#vteps.addresses());
  }

  // ---- which networks there are, and stand here ----

  /** Who joins it now finds it so; what is made of all of them follows once in a turn of the loop. */
  #changed({ after }: NetworkChange): void {
    if (after !== undefined) this.#tellFacts([after]);
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => {
      this.#isDue = false;
      if (!this.#isStopped) this.#defined();
    });
  }

  #defined(): void {
    this.#joinedChanged();
    this.#tellDns();
    this.#tellFirewall();
  }

  #tellFacts(definitions: Iterable<NetworkDefinition>): void {
    const { planner, endpoints } = this.#daemon;
    const { overlay } = planner;
    if (overlay === undefined) return;
    for (const definition of definitions)
      endpoints.setNetwork(definition.name, factsOfNetwork(definition, overlay));
    endpoints.attachments.forgetOthers(new Set([...this.#networks.list()].map(({ name }) => name)));
  }

  #joinedChanged(): void {
    const { joined } = this.#daemon.endpoints.attachments;
    const now = new Map<string, NetworkDefinition>();
    for (const name of joined) {
      const definition = this.#networks.get(name) ?? this.#joined.get(name);
      if (definition !== undefined) now.set(name, definition);
    }
    const isSame =
      now.size === this.#joined.size &&
      [...now].every(([name, definition]) => this.#joined.get(name) === definition);
    if (isSame) return;
    this.#joined = now;
    this.#remotes.setNetworks(now);
    this.#tellFirewall();
    this.#tellDns();
  }

  #tellFirewall(): void {
    const { overlay } = this.#daemon.planner;
    this.#tunnel = overlay?.tunnel?.link ?? this.#tunnel;
    this.#daemon.planner.setUserNetworks(
      firewallOf({
        joined: [...this.#joined.values()],
        all: [...this.#networks.list()],
        port: overlay?.port,
        tunnel: this.#tunnel,
        leased: this.#leasedBridges(),
      }),
    );
  }

  #leasedBridges(): readonly EndpointBridge[] {
    const { attachments } = this.#daemon.endpoints;
    return leasedBridges(attachments.bridge(), attachments.network());
  }

  #tellDns(): void {
    const { dns } = this.#daemon;
    dns?.setDefined(Array.from(this.#networks.list(), ({ name }) => name));
    dns?.setNetworks(
      [...this.#joined.values()].map((definition) => ({
        name: definition.name,
        internal: definition.internal,
        ttl: definition.dnsTtl,
        subnets: Object.values(subnetsOf(definition)),
        gateways: Object.values(gatewaysOf(definition)),
      })),
    );
  }

  #tellMembers(): void {
    const members = this.#daemon.endpoints.attachments.shared();
    const text = JSON.stringify([...members]);
    if (text === this.#members) return;
    this.#members = text;
    this.#daemon.dns?.setMembers(members);
  }

  // ---- who is in them on other hosts ----

  #member(change: MemberChange): void {
    const name = change.type === 'present' ? change.member.name : change.name;
    if (change.type === 'present') this.#place(change.member);
    else this.#vteps.member(name, undefined);
    const isThere = change.type === 'present' && change.member.status === 'alive';
    if (isThere === this.#present.has(name)) return;
    this.#present.get(name)?.();
    if (!isThere) this.#present.delete(name);
    else
      this.#present.set(
        name,
        machineClock.after(SAID_ALL, () => this.#saidAll(name)),
      );
  }

  #place({ name, address, mine }: MemberView): void {
    if (mine) return;
    const before = this.#vteps.of(name);
    const { address: host, port } = partsOf(address);
    this.#vteps.member(name, socketAddress(host, port));
    if (this.#vteps.of(name) !== before) this.#remotes.moved(name);
  }

  #saidAll(name: string): void {
    const vtep = this.#vteps.of(name);
    if (vtep !== undefined) this.#remotes.kept.settle(addressesOf(vtep));
  }

  #record({ before, after }: RecordChange): void {
    const { owner = '', key = '' } = after ?? before ?? {};
    if (owner === this.#daemon.membership?.name) return;
    const remote = after && remoteIn(after);
    if (remote !== undefined) this.#remotes.put(remote);
    // Records of one who is away go by themselves.
    else this.#remotes.remove(owner, key, after !== undefined || this.#present.has(owner));
  }
}

/** Undefined for what does not hold, and for hosts that have a name in a network: gateways are everybody's own. */
function remoteIn({ owner, key, payload }: RecordView) {
  const said = decodeEndpoint(key, payload);
  if (said === undefined || said.host) return undefined;
  const { id, network, addresses, mac } = said;
  return {
    owner,
    id,
    network,
    addresses: addresses.map((bytes) => addressFromBytes(bytes)),
    mac: macFromBytes(mac),
  };
}

export interface FirewallParts {
  /** Networks that stand here. */
  readonly joined: readonly NetworkDefinition[];
  /** All that there are. */
  readonly all: readonly NetworkDefinition[];
  /** Of the mesh; undefined before the first one. */
  readonly port: number | undefined;
  readonly tunnel: string | undefined;
  readonly leased: readonly EndpointBridge[];
}

/** What the firewall keeps apart: networks that stand here, from all that there are. */
export function firewallOf({ joined, all, port, tunnel, leased }: FirewallParts): NetworkFirewall {
  const standing = joined.map((definition) => ({
    bridge: bridgeName(definition),
    vni: definition.vni,
    encrypted: definition.encrypted,
    subnets: subnetsOf(definition),
    internal: definition.internal,
  }));
  const known = standing.length === 0 ? [] : [...joined, ...all].map(subnetsOf);
  const isAnywhere = joined.length > 0 || all.length > 0;
  return {
    standing,
    known,
    // What stands of a former mesh has the one that is used without VXLAN.
    ports: [...new Set([OVERLAY_PORT, port ?? OVERLAY_PORT])],
    ...(tunnel === undefined ? {} : { tunnel }),
    endpoints: isAnywhere
      ? [...leased, ...standing.map(({ bridge, subnets }) => ({ bridge, subnets }))]
      : [],
  };
}

/** weft's own, also while it does not stand, and the one that is used in its place. */
export function leasedBridges(
  used: string | undefined,
  network: Pick<NetworkFacts, 'subnets'> | undefined,
): readonly EndpointBridge[] {
  const names = new Set([BRIDGE, used ?? BRIDGE]);
  return [...names].map((bridge) => ({ bridge, subnets: network?.subnets ?? {} }));
}

/** Entries that stand on the ports of these networks. Rejects with a KernelError. */
export async function entriesOf(
  { kernel }: Pick<HostKernel, 'kernel'>,
  networks: readonly NetworkDefinition[],
): Promise<readonly Resource[]> {
  const ports = new Set(
    networks.flatMap((network) => [portName(network, 4), portName(network, 6)]),
  );
  if (ports.size === 0) return [];
  const entries: Resource[] = [];
  for await (const slice of kernel.dump(ports))
    for (const each of slice)
      if ((each.kind === 'fdb' || each.kind === 'neighbour') && ports.has(each.link))
        entries.push(each);
  return entries;
}
