/**
 * The data plane of a network that users have made, on one host: VXLAN ports of its bridge, and for each endpoint of
 * another host a forwarding entry and a neighbour per address. Pure.
 *
 *     endpoint ── bridge weft-VNI (the gateway's address and MAC: the same on every host)
 *                    └── weftx-VNI ── underlay ── weftx-VNI of another host ── its bridge
 *
 * Nothing is flooded, unless the network has multicast: a port has no entry for what it does not know, so that unknown unicast, broadcast and multicast
 * end there, and it answers questions for neighbours itself (docs/overlay.md).
 */
import { createHash } from 'node:crypto';
import { FAMILIES, familyOf, type Address, type Family } from '../ip/address.ts';
import { localMac, type Mac } from '../ip/mac.ts';
import { baseOf } from '../ip/prefix.ts';
import { perFamily, type HostFacts, type Lease, type PerFamily } from '../state/facts.ts';
import { ALL_OTHERS, type Resource, type VxlanLink } from '../state/resource.ts';
import type { NetworkDefinition } from './definition.ts';

/** UDP port of networks, and the mesh's where that is VXLAN. The kernel's default, so that Docker's 4789 stays free. */
export const OVERLAY_PORT = 8472;

/** What carries the packets of a network between hosts. */
export interface Carrier {
  readonly link: string;
  /** Largest outer packet, in bytes. */
  readonly mtu: number;
  /** Of this host, by outer family; at least one. */
  readonly addresses: PerFamily<Address>;
}

/** What of this host its networks are built on. */
export interface OverlayHost {
  readonly underlay: Carrier;
  /** The mesh, where it encrypts everything. */
  readonly tunnel?: Carrier;
  /** UDP. */
  readonly port: number;
  /** The mesh's VXLAN device has IFLA_VXLAN_GBP: devices of one port differ in no flag (drivers/net/vxlan, vxlan_find_sock). */
  readonly gbp: boolean;
}

/** Where a host takes packets of networks, by outer family. */
export interface Vtep {
  readonly underlay: PerFamily<Address>;
  /** Inside of the tunnels between hosts. */
  readonly tunnel: PerFamily<Address>;
}

/** An endpoint of another host. */
export interface RemoteEndpoint {
  readonly addresses: readonly Address[];
  readonly mac: Mac;
  readonly vtep: Vtep;
}

/** The mesh of this host: what it is made of, and what peers are told. */
interface Mesh {
  readonly facts: Pick<HostFacts, 'underlay' | 'subnets'>;
  readonly published: Pick<Lease, 'publicAddresses'>;
  readonly plan: {
    /** In bytes, of an inner packet. */
    readonly mtu: number;
    readonly encrypts?: unknown;
    readonly host: readonly Resource[];
  };
}

/** Of one port there are no VXLAN devices with different flags, so those of networks are as the mesh's is. */
export function overlayHost({ facts, published, plan }: Mesh): OverlayHost {
  const { link, mtu, addresses } = facts.underlay;
  const [v4, v6] = ([4, 6] as const).map((family) => {
    const told = published.publicAddresses[family];
    return told && (addresses[family] ?? told);
  });
  const device = plan.host.find((each) => each.kind === 'link' && each.type === 'vxlan');
  const tunnel = plan.encrypts === 'everything' ? tunnelOf(facts.subnets, plan) : undefined;
  return {
    underlay: { link, mtu, addresses: perFamily(v4, v6) },
    ...(tunnel === undefined ? {} : { tunnel }),
    port: device?.port || OVERLAY_PORT,
    gbp: device?.gbp ?? false,
  };
}

/** In one family, as each may have a device of its own: all hosts have the same. */
function tunnelOf(subnets: HostFacts['subnets'], { mtu, host }: Mesh['plan']): Carrier | undefined {
  const subnet = subnets[4] ?? subnets[6];
  const own = host.find(
    (each) => each.kind === 'address' && subnet !== undefined && each.address === baseOf(subnet),
  );
  if (own?.kind !== 'address') return undefined;
  const { link, address } = own;
  const addresses = familyOf(address) === 4 ? { 4: address } : { 6: address };
  return { link, mtu, addresses };
}

type OverlayNetwork = Pick<NetworkDefinition, 'name' | 'vni' | 'encrypted' | 'multicast' | 'mtu'>;

export function bridgeName({ vni }: Pick<OverlayNetwork, 'vni'>): string {
  return `weft-${vni}`;
}

export function bridgeAlias({ name }: Pick<OverlayNetwork, 'name'>): string {
  return `weft network ${name}`;
}

/** Within what a name may have also for the largest VNI: a port for each outer family. */
const PORTS: Readonly<Record<Family, string>> = { 4: 'weftx', 6: 'weftx6' };

export function portName({ vni }: Pick<OverlayNetwork, 'vni'>, outer: Family): string {
  return `${PORTS[outer]}-${vni}`;
}

/** Undefined where the network shall be encrypted, and nothing here encrypts everything. */
export function carrierOf(
  { encrypted }: Pick<OverlayNetwork, 'encrypted'>,
  { underlay, tunnel }: OverlayHost,
): Carrier | undefined {
  return encrypted ? tunnel : underlay;
}

/** Largest packet that an endpoint may send, in bytes: the same on all hosts, where their carriers' are. */
export function overlayMtu({ mtu }: Pick<OverlayNetwork, 'mtu'>, carrier: Carrier): number {
  const room = outerFamilies(carrier.addresses).map(
    (outer) => carrier.mtu - FAMILIES[outer].vxlanOverhead,
  );
  return Math.min(...room, mtu ?? Infinity);
}

/** The ports of the network's bridge to other hosts. */
export function portsOf(network: OverlayNetwork, host: OverlayHost): readonly Resource[] {
  const carrier = carrierOf(network, host);
  if (carrier === undefined) return [];
  const { port, gbp } = host;
  return outerFamilies(carrier.addresses).flatMap((outer): Resource[] => {
    const local = carrier.addresses[outer] as Address;
    const name = portName(network, outer);
    const device: VxlanLink = {
      kind: 'link',
      type: 'vxlan',
      name,
      vni: network.vni,
      local,
      lower: carrier.link,
      port,
      mtu: overlayMtu(network, carrier),
      mac: portMac(network, local),
      learning: false,
      gbp,
      proxy: true,
      master: bridgeName(network),
      up: true,
      alias: bridgeAlias(network),
    };
    const path = `net/ipv6/conf/${name}/accept_ra`;
    return [device, { kind: 'sysctl', path, value: '0', link: name }];
  });
}

/** A frame never has it; it follows from what tells the port from others, so that a restart finds it as it was. */
function portMac({ vni }: OverlayNetwork, local: Address): Mac {
  return localMac(createHash('sha256').update(`weft port ${local} ${vni}`).digest());
}

/** What a network that stands on this host needs for one endpoint of another; nothing where that cannot be reached. */
export function remoteResources(
  network: Pick<OverlayNetwork, 'vni' | 'encrypted'>,
  host: OverlayHost,
  { addresses, mac, vtep }: RemoteEndpoint,
): readonly Resource[] {
  const there = network.encrypted ? vtep.tunnel : vtep.underlay;
  const here = carrierOf(network, host)?.addresses ?? {};
  const outer = outerFamilies(here).find((family) => there[family] !== undefined);
  const remote = outer === undefined ? undefined : there[outer];
  if (outer === undefined || remote === undefined) return [];
  const link = portName(network, outer);
  return [
    { kind: 'fdb', link, mac, remote },
    ...addresses.map((address): Resource => ({ kind: 'neighbour', link, address, mac })),
  ];
}

/** Where multicast is on, a host with endpoints there gets what goes to nobody in particular; one copy for each host. */
export function floodResources(
  network: Pick<OverlayNetwork, 'vni' | 'encrypted' | 'multicast'>,
  host: OverlayHost,
  vtep: Vtep,
): readonly Resource[] {
  if (!network.multicast) return [];
  return remoteResources(network, host, { addresses: [], mac: ALL_OTHERS, vtep });
}

function outerFamilies(addresses: PerFamily<Address>): readonly Family[] {
  return ([4, 6] as const).filter((family) => addresses[family] !== undefined);
}
