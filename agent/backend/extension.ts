/**
 * extension: the network configuration names the commands that make the mesh, by flanneld's contract
 * (docs/backends.md). Each is run once for what it is for, and again when that changes.
 */
import { perFamily, type HostFacts, type Lease, type PerFamily } from '../state/facts.ts';
import type { Address } from '../ip/address.ts';
import type { Prefix } from '../ip/prefix.ts';
import type { Command } from '../state/resource.ts';
import {
  otherBackend,
  type Backend,
  type MeshPlan,
  type PeerPlan,
  type Published,
} from './backend.ts';

/** Command lines; empty: none. */
export interface ExtensionOptions {
  /** Its output goes into the lease. */
  readonly preStartup: string;
  /** When this host has its subnet. */
  readonly postStartup: string;
  readonly subnetAdd: string;
  readonly subnetRemove: string;
}

export function extension(options: ExtensionOptions): Backend {
  return {
    type: 'extension',
    links: [],
    ...(options.preStartup === '' ? {} : { startup: options.preStartup }),
    publish: ({ underlay, families, startupOutput }) => {
      // Of the link, whatever the flag says, as in flanneld.
      const { 4: v4, 6: v6 } = underlay.addresses;
      const published: Published = {
        publicAddresses: perFamily(
          families.includes(4) ? v4 : undefined,
          families.includes(6) ? v6 : undefined,
        ),
        backendType: 'extension',
      };
      return startupOutput === undefined ? published : { ...published, backendData: startupOutput };
    },
    plan: (facts, published) => plan(options, facts, published),
  };
}

function plan(options: ExtensionOptions, facts: HostFacts, published: Published): MeshPlan {
  const { network, subnets, underlay } = facts;
  const own: Command = {
    kind: 'command',
    subject: 'this host',
    line: options.postStartup,
    undo: '',
    environment: {
      NETWORK: network.ranges[4]?.network ?? '',
      SUBNET: '',
      IPV6SUBNET: '',
      PUBLIC_IP: '',
      PUBLIC_IPV6: '',
      ...placeOf(subnets, published.publicAddresses),
    },
    input: '',
  };
  return {
    mtu: underlay.mtu,
    host: options.postStartup === '' ? [] : [own],
    peer: (lease) => peerPlan(options, lease),
  };
}

function peerPlan({ subnetAdd, subnetRemove }: ExtensionOptions, lease: Lease): PeerPlan {
  if (lease.backendType !== 'extension') return otherBackend('extension', lease);
  const { subnets, publicAddresses, backendData = '' } = lease;
  if (typeof backendData !== 'string') return problem('publishes data that are not a text');
  if (publicAddresses[4] === undefined && publicAddresses[6] === undefined)
    return problem('publishes no address');
  if (subnetAdd === '' && subnetRemove === '') return { resources: [] };
  const command: Command = {
    kind: 'command',
    subject: Object.values(subnets).join(' '),
    line: subnetAdd,
    undo: subnetRemove,
    environment: placeOf(subnets, publicAddresses),
    input: backendData,
  };
  return { resources: [command] };
}

function problem(text: string): PeerPlan {
  return { resources: [], problem: text };
}

/** Where a host is; flanneld tells of a peer only the first two. */
function placeOf(
  subnets: PerFamily<Prefix>,
  addresses: PerFamily<Address>,
): Record<string, string> {
  const all = {
    SUBNET: subnets[4],
    PUBLIC_IP: addresses[4],
    IPV6SUBNET: subnets[6],
    PUBLIC_IPV6: addresses[6],
  };
  return Object.fromEntries(
    Object.entries(all).filter(
      (entry): entry is [string, Prefix | Address] => entry[1] !== undefined,
    ),
  );
}
