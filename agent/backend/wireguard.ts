/**
 * wireguard: encrypted tunnels, a peer of a device for every other host. Device names, ports, addresses and published
 * data are flanneld's contract (docs/wireguard.md). With mode `separate` each outer family has its device, with the
 * others one device carries both.
 *
 * The whole network is routed to the device, as flanneld does it: what has no tunnel ends there, and never leaves in
 * the clear. A route to each peer besides says by which backend it is reached while another one is given up.
 */
import { FAMILIES, familyOf, type Address, type Family } from '../ip/address.ts';
import { baseOf, containsAddress, type Prefix } from '../ip/prefix.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import { perFamily, type HostFacts, type Lease, type PerFamily } from '../state/facts.ts';
import { ROUTE_PROTOCOL, type Resource, type Route } from '../state/resource.ts';
import {
  parsePublicKey,
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

/** Outer IPv6 header, UDP header, and WireGuard's own with its authentication tag, in bytes: 40 + 8 + 32. */
const OVERHEAD = 80;

export function wireguard(options: WireguardOptions): Backend {
  return {
    type: 'wireguard',
    links: WIREGUARD_LINKS,
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
  return {
    publicAddresses: perFamily(
      told.includes(4) || options.mode !== 'separate' ? addresses[4] : undefined,
      told.includes(6) || options.mode !== 'separate' ? addresses[6] : undefined,
    ),
    backendType: 'wireguard',
    ...(v4 === undefined ? {} : { backendData: v4 }),
    ...(v6 === undefined ? {} : { backendV6Data: v6 }),
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

// ---- what the kernel shall hold ----

/** A device of this host: `outer` is the family of its packets, undefined when it sends in both. */
interface Device {
  readonly name: string;
  readonly outer: Family | undefined;
  readonly port: number;
}

function plan(options: WireguardOptions, facts: HostFacts, published: Published): MeshPlan {
  const devices = devicesOf(options, published);
  const mtu = (options.mtu ?? facts.underlay.mtu) - OVERHEAD;
  const publicKey = dataOf(published, 4)?.key ?? dataOf(published, 6)?.key;
  return {
    mtu,
    encrypts: true,
    host: [
      ...devices.flatMap((device) => deviceResources(device, mtu, publicKey)),
      ...hostEntries(facts, devices),
    ],
    peer: (lease) => new PeerPlanner(options, facts, published, devices).plan(lease),
  };
}

function devicesOf(options: WireguardOptions, published: Published): Device[] {
  const told = ([4, 6] as const).filter((family) => dataOf(published, family) !== undefined);
  if (options.mode !== 'separate')
    return [{ name: WIREGUARD_LINKS[0], outer: undefined, port: options.ports[4] }];
  return told.map((outer) => ({
    name: outer === 4 ? WIREGUARD_LINKS[0] : WIREGUARD_LINKS[1],
    outer,
    port: options.ports[outer],
  }));
}

function deviceResources(
  { name, port }: Device,
  mtu: number,
  publicKey: PublicKey | undefined,
): Resource[] {
  const alias = `${WIREGUARD_ALIAS} ${port}`;
  return [
    { kind: 'link', type: 'wireguard', name, mtu, up: true, alias },
    { kind: 'sysctl', path: `net/ipv6/conf/${name}/accept_ra`, value: '0', link: name },
    { kind: 'wireguard', link: name, publicKey, port },
  ];
}

/** The device for packets of a family of the network, to no peer in particular. */
function deviceFor(devices: readonly Device[], family: Family): Device | undefined {
  return devices.find(({ outer }) => outer === undefined || outer === family) ?? devices[0];
}

/** For each family the subnet's base address, the source of what the host itself sends, and the whole network's route. */
function hostEntries({ network, subnets }: HostFacts, devices: readonly Device[]): Resource[] {
  return familiesOf(subnets).flatMap((family): Resource[] => {
    const link = deviceFor(devices, family)?.name;
    const subnet = subnets[family];
    const whole = network.ranges[family]?.network;
    if (link === undefined || subnet === undefined || whole === undefined) return [];
    return [
      { kind: 'address', link, address: baseOf(subnet), length: FAMILIES[family].bits },
      routeTo(whole, link),
    ];
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

const PORT_LIMIT = 65_535;

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

/** A way to one peer: which device, whom there, and where that is. */
interface Tunnel {
  readonly device: Device;
  readonly publicKey: PublicKey;
  readonly endpoint: SocketAddress;
}

class PeerPlanner {
  readonly #options: WireguardOptions;
  readonly #facts: HostFacts;
  readonly #published: Published;
  readonly #devices: readonly Device[];

  constructor(
    options: WireguardOptions,
    facts: HostFacts,
    published: Published,
    devices: readonly Device[],
  ) {
    this.#options = options;
    this.#facts = facts;
    this.#published = published;
    this.#devices = devices;
  }

  plan(lease: Lease): PeerPlan {
    if (lease.backendType !== 'wireguard') return otherBackend('wireguard', lease);
    const tunnels = new Map<string, { tunnel: Tunnel; prefixes: Prefix[] }>();
    const problems: string[] = [];
    for (const family of familiesOf(this.#facts.subnets)) {
      const prefix = lease.subnets[family];
      if (prefix === undefined) continue;
      const tunnel = this.#tunnelFor(family, lease);
      if (typeof tunnel === 'string') {
        problems.push(`${tunnel} for ${prefix}`);
        continue;
      }
      const name = `${tunnel.device.name} ${tunnel.publicKey}`;
      const known = tunnels.get(name)?.prefixes ?? [];
      tunnels.set(name, { tunnel, prefixes: [...known, prefix] });
    }
    const resources = [...tunnels.values()].flatMap((each) => this.#resources(each));
    return problems.length === 0 ? { resources } : { resources, problem: problems.join('; ') };
  }

  #resources({
    tunnel,
    prefixes,
  }: {
    readonly tunnel: Tunnel;
    readonly prefixes: readonly Prefix[];
  }): Resource[] {
    const { device, publicKey, endpoint } = tunnel;
    const { keepalive, presharedKey } = this.#options;
    const peer: Resource = {
      kind: 'wireguard-peer',
      link: device.name,
      publicKey,
      endpoint,
      allowedIps: prefixes.toSorted(),
      keepalive,
      presharedKey,
    };
    return [peer, ...prefixes.map((prefix) => routeTo(prefix, device.name))];
  }

  /** Or why there is none. */
  #tunnelFor(family: Family, lease: Lease): Tunnel | string {
    const found =
      this.#options.mode === 'separate'
        ? this.#separateTunnel(family, lease)
        : this.#sharedTunnel(lease);
    if (found === undefined) return 'publishes no usable WireGuard key and address';
    const own = dataOf(this.#published, 4)?.key ?? dataOf(this.#published, 6)?.key;
    if (found.publicKey === own)
      return "publishes this host's own WireGuard key: give one of the two another";
    return found;
  }

  /** Over the device of the family where both hosts have it, else over the other one. */
  #separateTunnel(family: Family, lease: Lease): Tunnel | undefined {
    for (const outer of [family, OTHER[family]]) {
      const device = this.#devices.find((each) => each.outer === outer);
      const data = dataOf(lease, outer);
      const remote = lease.publicAddresses[outer];
      if (device === undefined || data === undefined || remote === undefined) continue;
      const endpoint = socketAddress(remote, data.port || device.port);
      return { device, publicKey: data.key, endpoint };
    }
    return undefined;
  }

  /** With both, the v6 key counts, as with flanneld: they are equal. The port is the v4 data's, as that is bound. */
  #sharedTunnel(lease: Lease): Tunnel | undefined {
    const device = this.#devices[0];
    const [v4, v6] = [dataOf(lease, 4), dataOf(lease, 6)];
    const publicKey = v6?.key ?? v4?.key;
    const outer = this.#outerFamily(lease);
    const remote = outer === undefined ? undefined : lease.publicAddresses[outer];
    if (device === undefined || publicKey === undefined || remote === undefined) return undefined;
    const endpoint = socketAddress(remote, (v4 ?? v6)?.port || device.port);
    return { device, publicKey, endpoint };
  }

  #outerFamily({ publicAddresses }: Lease): Family | undefined {
    const { mode } = this.#options;
    if (mode === 'ipv4') return 4;
    if (mode === 'ipv6') return 6;
    return betterFamily(publicAddresses, this.#published.publicAddresses);
  }
}

/** RFC 1918, and RFC 4193: addresses that may mean another host elsewhere. */
const PRIVATE = {
  4: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'] as Prefix[],
  6: ['fc00::/7'] as Prefix[],
} as const;

/** flanneld's rule: public v4, else public v6, else v4; and what there is where one side has only one. */
function betterFamily(theirs: PerFamily<Address>, ours: PerFamily<Address>): Family | undefined {
  const common = familiesOf(theirs).filter((family) => ours[family] !== undefined);
  if (common.length < 2) return common[0];
  const arePublic = (family: Family): boolean =>
    [theirs[family], ours[family]].every((each) => each !== undefined && isPublic(each));
  return arePublic(4) || !arePublic(6) ? 4 : 6;
}

function isPublic(address: Address): boolean {
  return !PRIVATE[familyOf(address)].some((prefix) => containsAddress(prefix, address));
}
