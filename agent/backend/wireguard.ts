/**
 * wireguard: encrypted tunnels, a peer of a device for every other host. Device names, ports, addresses and published
 * data are flanneld's contract (docs/wireguard.md). With mode `separate` each outer family has its device, with the
 * others one device carries both.
 *
 * While a host changes its key, a second device stands beside each of these, the detour (ways.ts).
 *
 * The whole network is routed to the device, as flanneld does it: what has no tunnel ends there, and never leaves in
 * the clear; while there is no device, it ends in a route into nowhere behind that. A route to each peer besides says by which backend it is reached while another one is given up.
 */
import { FAMILIES, familyOf, type Address, type Family } from '../ip/address.ts';
import { baseOf, type Prefix } from '../ip/prefix.ts';
import { socketAddress } from '../ip/socket-address.ts';
import { perFamily, type HostFacts, type Lease, type PerFamily } from '../state/facts.ts';
import { blackholeTo, ROUTE_PROTOCOL, type Resource, type Route } from '../state/resource.ts';
import {
  DETOUR_LINKS,
  MAIN_LINKS,
  parsePublicKey,
  sessionName,
  WIREGUARD_ALIAS,
  WIREGUARD_LINKS,
  type PublicKey,
} from '../state/wireguard.ts';
import {
  familiesOf,
  otherBackend,
  type Backend,
  type MeshPlan,
  type PeerPlan,
  type Published,
  type PublishFacts,
} from './backend.ts';
import { OVERHEADS } from './path-mtu.ts';
import { isPrivate } from './private-addresses.ts';
import type { Aim, Way } from './ways.ts';

export const WIREGUARD_MODES = ['separate', 'auto', 'ipv4', 'ipv6'] as const;

export interface WireguardOptions {
  /** Which outer family: the device's own, the better one for each peer, or always the one. */
  readonly mode: (typeof WIREGUARD_MODES)[number];
  /** UDP ports. That of v6 is of the second device, so only of mode `separate`. */
  readonly ports: Readonly<Record<Family, number>>;
  /** Size of an outer packet, in bytes; the underlay link's MTU when absent. */
  readonly mtu?: number;
  /** In s; 0 is off. */
  readonly keepalive: number;
  /** The same for all peers. */
  readonly presharedKey?: string;
}

export function wireguard(options: WireguardOptions): Backend {
  return {
    type: 'wireguard',
    links: WIREGUARD_LINKS,
    hasKey: true,
    agreed: { presharedKey: options.presharedKey },
    publish: (facts) => publish(options, facts),
    plan: (facts, published) => plan(options, facts, published),
  };
}

const OTHER: Readonly<Record<Family, Family>> = { 4: 6, 6: 4 };

// ---- what we tell the others ----

function publish(options: WireguardOptions, facts: PublishFacts): Published {
  const addresses = facts.underlay.publicAddresses;
  const PublicKey = facts.publicKey();
  const told = toldFamilies(options, facts);
  const data = (family: Family): object | undefined =>
    told.includes(family) ? { PublicKey, Port: boundPort(options, family) } : undefined;
  const [v4, v6] = [data(4), data(6)];
  const { newKey } = facts;
  return {
    publicAddresses: perFamily(
      told.includes(4) || options.mode !== 'separate' ? addresses[4] : undefined,
      told.includes(6) || options.mode !== 'separate' ? addresses[6] : undefined,
    ),
    backendType: 'wireguard',
    ...(v4 === undefined ? {} : { backendData: v4 }),
    ...(v6 === undefined ? {} : { backendV6Data: v6 }),
    ...(newKey === undefined ? {} : { detour: { publicKey: newKey, ports: detourPorts(options) } }),
  };
}

/** Those whose data the lease has: with one device the network's own, else the outer ones, a missing one's being the other. */
function toldFamilies({ mode }: WireguardOptions, { families, underlay }: PublishFacts): Family[] {
  if (mode !== 'separate') return [...families];
  const addresses = underlay.publicAddresses;
  const outer = families.map((family) =>
    addresses[family] === undefined ? OTHER[family] : family,
  );
  return [...new Set(outer)].filter((family) => addresses[family] !== undefined);
}

/** One device has one port: flanneld publishes that of the second device for v6, where nobody listens. */
function boundPort({ mode, ports }: WireguardOptions, family: Family): number {
  return mode === 'separate' ? ports[family] : ports[4];
}

const PORT_LIMIT = 65_535;

/** The next ports that are free: above the devices' own, or below where there are none above. One device has one. */
function detourPorts({ mode, ports }: WireguardOptions): Readonly<Record<Family, number>> {
  const above = Math.max(ports[4], ports[6]);
  const below = Math.min(ports[4], ports[6]);
  const [first, second] = above + 2 <= PORT_LIMIT ? [above + 1, above + 2] : [below - 1, below - 2];
  return { 4: first, 6: mode === 'separate' ? second : first };
}

// ---- what the kernel shall hold ----

/** A device of this host: `outer` is the family of its packets, undefined when it sends in both. */
interface Device {
  readonly name: string;
  readonly outer: Family | undefined;
  readonly port: number;
}

type Devices = Readonly<Record<Way, readonly Device[]>>;

function plan(options: WireguardOptions, facts: HostFacts, published: Published): MeshPlan {
  const devices = {
    main: devicesOf(options, published, MAIN_LINKS, options.ports),
    detour: devicesOf(options, published, DETOUR_LINKS, detourPorts(options)),
  };
  const mtu = (options.mtu ?? facts.underlay.mtu) - OVERHEADS.wireguard;
  const publicKey = ownKey(published);
  const detourKey = facts.rotation?.publicKey ?? publicKey;
  const planner = new PeerPlanner(options, facts, published, devices);
  return {
    mtu,
    encrypts: 'everything',
    host: [
      ...devices.main.flatMap((device) => deviceResources(device, mtu, publicKey)),
      ...addresses(facts, devices.main),
      ...wholeRoutes(facts, devices.main),
    ],
    detour: [
      ...devices.detour.flatMap((device) => deviceResources(device, mtu, detourKey)),
      ...addresses(facts, devices.detour),
    ],
    peer: (lease, way) => planner.plan(lease, way),
    aim: (lease) => planner.aim(lease),
  };
}

function ownKey(published: Published): PublicKey | undefined {
  return dataOf(published, 4)?.key ?? dataOf(published, 6)?.key;
}

function devicesOf(
  options: WireguardOptions,
  published: Published,
  names: readonly [string, string],
  ports: Readonly<Record<Family, number>>,
): Device[] {
  const told = ([4, 6] as const).filter((family) => dataOf(published, family) !== undefined);
  if (options.mode !== 'separate') return [{ name: names[0], outer: undefined, port: ports[4] }];
  return told.map((outer) => ({
    name: outer === 4 ? names[0] : names[1],
    outer,
    port: ports[outer],
  }));
}

/**
 * A packet may come by one device while the answer goes by another, which strict filtering of sources (RFC 3704) takes
 * for forged. The loose one is enough: WireGuard knows whose an address is.
 */
const LOOSE = '2';

function deviceResources(
  { name, port }: Device,
  mtu: number,
  publicKey: PublicKey | undefined,
): Resource[] {
  const alias = `${WIREGUARD_ALIAS} ${port}`;
  return [
    { kind: 'link', type: 'wireguard', name, mtu, up: true, alias },
    { kind: 'sysctl', path: `net/ipv6/conf/${name}/accept_ra`, value: '0', link: name },
    { kind: 'sysctl', path: `net/ipv4/conf/${name}/rp_filter`, value: LOOSE, link: name },
    { kind: 'wireguard', link: name, publicKey, port },
  ];
}

/** The device for packets of a family of the network, to no peer in particular. */
function deviceFor(devices: readonly Device[], family: Family): Device | undefined {
  return devices.find(({ outer }) => outer === undefined || outer === family) ?? devices[0];
}

/** For each family the subnet's base address, the source of what the host itself sends. */
function addresses({ subnets }: HostFacts, devices: readonly Device[]): Resource[] {
  return familiesOf(subnets).flatMap((family): Resource[] => {
    const link = deviceFor(devices, family)?.name;
    const subnet = subnets[family];
    if (link === undefined || subnet === undefined) return [];
    return [{ kind: 'address', link, address: baseOf(subnet), length: FAMILIES[family].bits }];
  });
}

function wholeRoutes({ network, subnets }: HostFacts, devices: readonly Device[]): Resource[] {
  return familiesOf(subnets).flatMap((family) => {
    const link = deviceFor(devices, family)?.name;
    const whole = network.ranges[family]?.network;
    return link === undefined || whole === undefined
      ? []
      : [routeTo(whole, link), blackholeTo(whole)];
  });
}

function routeTo(prefix: Prefix, link: string): Route {
  const way = { type: 'unicast', link, onlink: false } as const;
  return { kind: 'route', prefix, metric: 0, ...way, protocol: ROUTE_PROTOCOL };
}

/** What a lease tells of a device. `port` 0, or none in older flannel's, means our own. */
interface PeerData {
  readonly key: PublicKey;
  readonly port: number;
}

/** Undefined if it is missing or makes no sense. Field names in any case, as Go reads them. */
function dataOf(
  lease: Pick<Lease, 'backendData' | 'backendV6Data'>,
  family: Family,
): PeerData | undefined {
  const data = family === 4 ? lease.backendData : lease.backendV6Data;
  if (typeof data !== 'object' || data === null) return undefined;
  const fields = new Map<string, unknown>(
    Object.entries(data).map(([name, value]) => [name.toLowerCase(), value]),
  );
  const key = parsePublicKey(fields.get('publickey'));
  const port = fields.get('port') ?? 0;
  const isPort = typeof port === 'number' && Number.isInteger(port) && port >= 0;
  return key === undefined || !isPort || port > PORT_LIMIT ? undefined : { key, port };
}

/** What leads to one peer: which device, whom there, and where that is. */
interface Tunnel {
  readonly device: Device;
  readonly publicKey: PublicKey;
  readonly remote: Address;
  readonly port: number;
  readonly prefixes: readonly Prefix[];
}

type Found = Omit<Tunnel, 'prefixes'>;

/** So often a peer that has taken a way sends by it, in s. */
const SIGN_OF_LIFE = 1;

class PeerPlanner {
  readonly #options: WireguardOptions;
  readonly #facts: HostFacts;
  readonly #published: Published;
  readonly #devices: Devices;

  constructor(options: WireguardOptions, facts: HostFacts, published: Published, devices: Devices) {
    this.#options = options;
    this.#facts = facts;
    this.#published = published;
    this.#devices = devices;
  }

  plan(lease: Lease, way: Way = 'main'): PeerPlan {
    if (lease.backendType !== 'wireguard') return otherBackend('wireguard', lease);
    const { tunnels, problems } = this.#tunnels(lease);
    const detours = this.#hasDetour(lease) ? tunnels.map((each) => this.#detour(each, lease)) : [];
    const taken = detours.length > 0 && way === 'detour' ? detours : tunnels;
    const resources = [...tunnels, ...detours].flatMap((tunnel): Resource[] => [
      this.#peer(tunnel, this.#keepalive(tunnel, lease, way)),
      ...(taken.includes(tunnel)
        ? tunnel.prefixes.map((prefix) => routeTo(prefix, tunnel.device.name))
        : []),
    ]);
    return problems.length === 0 ? { resources } : { resources, problem: problems.join('; ') };
  }

  /** Out to the detour until the main device has the new key, then back; if we change ours, the peer goes ahead. */
  aim(lease: Lease): Aim | undefined {
    const { rotation } = this.#facts;
    if (lease.backendType !== 'wireguard' || !this.#hasDetour(lease)) return undefined;
    if (rotation?.phase === 'over') return undefined;
    const { tunnels: main } = this.#tunnels(lease);
    const names = (tunnels: readonly Tunnel[]): string[] =>
      tunnels.map(({ device, publicKey }) => sessionName(device.name, publicKey));
    const tunnels = {
      main: names(main),
      detour: names(main.map((each) => this.#detour(each, lease))),
    };
    if (rotation === undefined)
      return { way: isBack(lease) ? 'main' : 'detour', when: 'session', since: 0, tunnels };
    const isOut = rotation.phase === 'out';
    return {
      way: isOut ? 'detour' : 'main',
      when: 'sends',
      since: isOut ? 0 : rotation.since,
      tunnels,
    };
  }

  /** One who changes the own key helps nobody else; an own key that is new stands at the detour for every peer of weft's. */
  #hasDetour(lease: Lease): boolean {
    return this.#facts.rotation === undefined
      ? lease.detour !== undefined && lease.detour.publicKey !== ownKey(this.#published)
      : lease.node !== undefined;
  }

  #detour({ device, publicKey, remote, prefixes }: Tunnel, lease: Lease): Tunnel {
    const beside = this.#devices.detour[this.#devices.main.indexOf(device)] as Device;
    const theirs = this.#facts.rotation === undefined ? lease.detour : undefined;
    return {
      device: beside,
      publicKey: theirs?.publicKey ?? publicKey,
      remote,
      port: theirs?.ports[familyOf(remote)] ?? beside.port,
      prefixes,
    };
  }

  #peer({ device, publicKey, remote, port, prefixes }: Tunnel, keepalive: number): Resource {
    return {
      kind: 'wireguard-peer',
      link: device.name,
      publicKey,
      endpoint: socketAddress(remote, port),
      allowedIps: prefixes.toSorted(),
      keepalive,
      presharedKey: this.#options.presharedKey,
    };
  }

  /** A peer that changes its key knows by it which way we have taken: nothing else is sent by a way that is not taken. */
  #keepalive({ device }: Tunnel, lease: Lease, way: Way): number {
    const isMain = this.#devices.main.includes(device);
    const isHelper = this.#facts.rotation === undefined && this.#hasDetour(lease);
    if (!isHelper || (isMain && !isBack(lease))) return isMain ? this.#options.keepalive : 0;
    return isMain === (way === 'main') ? SIGN_OF_LIFE : 0;
  }

  /** To each family's subnet; subnets behind the same device and key share one. */
  #tunnels(lease: Lease): { readonly tunnels: readonly Tunnel[]; readonly problems: string[] } {
    const tunnels = new Map<string, Tunnel>();
    const problems: string[] = [];
    for (const family of familiesOf(this.#facts.subnets)) {
      const prefix = lease.subnets[family];
      if (prefix === undefined) continue;
      const found = this.#tunnelFor(family, lease);
      if (typeof found === 'string') {
        problems.push(`${found} for ${prefix}`);
        continue;
      }
      const name = sessionName(found.device.name, found.publicKey);
      const known = tunnels.get(name) ?? { ...found, prefixes: [] };
      tunnels.set(name, { ...known, prefixes: [...known.prefixes, prefix] });
    }
    return { tunnels: [...tunnels.values()], problems };
  }

  /** Or why there is none. */
  #tunnelFor(family: Family, lease: Lease): Found | string {
    const found =
      this.#options.mode === 'separate'
        ? this.#separateTunnel(family, lease)
        : this.#sharedTunnel(lease);
    if (found === undefined) return 'publishes no usable WireGuard key and address';
    if (found.publicKey === ownKey(this.#published))
      return "publishes this host's own WireGuard key: give one of the two another";
    return found;
  }

  /** Over the device of the family where both hosts have it, else over the other one. */
  #separateTunnel(family: Family, lease: Lease): Found | undefined {
    for (const outer of [family, OTHER[family]]) {
      const device = this.#devices.main.find((each) => each.outer === outer);
      const data = dataOf(lease, outer);
      const remote = lease.publicAddresses[outer];
      if (device === undefined || data === undefined || remote === undefined) continue;
      return { device, publicKey: data.key, remote, port: data.port || device.port };
    }
    return undefined;
  }

  /** With both, the v6 key counts, as with flanneld: they are equal. The port is the v4 data's, as that is bound. */
  #sharedTunnel(lease: Lease): Found | undefined {
    const device = this.#devices.main[0];
    const [v4, v6] = [dataOf(lease, 4), dataOf(lease, 6)];
    const publicKey = v6?.key ?? v4?.key;
    const outer = this.#outerFamily(lease);
    const remote = outer === undefined ? undefined : lease.publicAddresses[outer];
    if (device === undefined || publicKey === undefined || remote === undefined) return undefined;
    return { device, publicKey, remote, port: (v4 ?? v6)?.port || device.port };
  }

  #outerFamily({ publicAddresses }: Lease): Family | undefined {
    const { mode } = this.#options;
    if (mode === 'ipv4') return 4;
    if (mode === 'ipv6') return 6;
    return betterFamily(publicAddresses, this.#published.publicAddresses);
  }
}

/** The main device of that host has its new key already. */
function isBack(lease: Lease): boolean {
  return [4, 6].some((family) => dataOf(lease, family as Family)?.key === lease.detour?.publicKey);
}

/** flanneld's rule: public v4, else public v6, else v4; and what there is where one side has only one. */
function betterFamily(theirs: PerFamily<Address>, ours: PerFamily<Address>): Family | undefined {
  const common = familiesOf(theirs).filter((family) => ours[family] !== undefined);
  if (common.length < 2) return common[0];
  const arePublic = (family: Family): boolean =>
    [theirs[family], ours[family]].every((each) => each !== undefined && !isPrivate(each));
  return arePublic(4) || !arePublic(6) ? 4 : 6;
}
