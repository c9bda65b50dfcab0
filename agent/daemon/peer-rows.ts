/** The table of peers as the control API tells it. Pure. */
import type { Peer } from '../../controlplane/api/model.ts';
import type { MemberView } from '../gossip/member.ts';
import { socketAddress } from '../ip/socket-address.ts';
import {
  keyOf,
  type Key,
  type Link,
  type Resource,
  type WireguardPeer,
} from '../state/resource.ts';
import type { Row } from '../subnet/leases.ts';
import { inOrder } from './lease-rows.ts';
import type { PeerView } from './planner.ts';

/** What is known of a peer beside its lease. */
export interface PeerFacts {
  readonly row: Row;
  /** Undefined when the lease is not in force. */
  readonly view: PeerView | undefined;
  /** What the service finds wrong or odd about the lease's key. */
  readonly note: string | undefined;
  /** The member that listens where the lease says. */
  readonly member: MemberView | undefined;
  /** What was measured. */
  readonly way: Pick<Peer, 'pathMtu' | 'pathUnknown' | 'roundTripMs'>;
  /** The backend to which it changes before us. */
  readonly changingTo: string | undefined;
}

/** What does not differ from peer to peer. */
export interface PeerSources {
  /** Links of the mesh by name. */
  readonly link: (name: string) => Link | undefined;
  readonly session: (peer: WireguardPeer) => TunnelSession | undefined;
  /** What the kernel refuses, and why. */
  readonly refused: ReadonlyMap<Key, string>;
}

/** How the tunnel to a peer stands. */
export interface TunnelSession {
  readonly peer: WireguardPeer;
  /** In s since 1970; 0 when there was none. */
  readonly handshake: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export function apiPeer(facts: PeerFacts, sources: PeerSources): Peer {
  const { row, view, member } = facts;
  const tunnel = tunnelOf(view?.resources ?? []);
  const session = tunnel && sources.session(tunnel);
  const node = row.lease?.node;
  return {
    key: row.key,
    subnets: inOrder(row.subnets),
    ...(member === undefined ? {} : { host: member.name }),
    ...(node === undefined ? {} : { node }),
    ...(view === undefined ? {} : wayOf(view, session, sources.link)),
    ...facts.way,
    ...(session === undefined ? {} : countsOf(session)),
    problems: problemsOf(facts, session, sources.refused),
  };
}

/** Of the two that there are while somebody changes a key, the one that the route leads into. */
function tunnelOf(resources: readonly Resource[]): WireguardPeer | undefined {
  const links = resources.flatMap((each) => (each.kind === 'route' ? (each.link ?? []) : []));
  return resources
    .filter((each) => each.kind === 'wireguard-peer')
    .find(({ link }) => links.includes(link));
}

function wayOf(
  { backend, choice, resources, problem, mtu }: PeerView,
  session: TunnelSession | undefined,
  link: PeerSources['link'],
): Partial<Peer> {
  // By none.
  if (resources.length === 0 && problem !== undefined) return {};
  const endpoint = session?.peer.endpoint ?? endpointOf(resources, link);
  return {
    ...(choice ?? { backend }),
    ...(endpoint === undefined ? {} : { endpoint }),
    mtu,
  };
}

function countsOf({ handshake, receivedBytes, sentBytes }: TunnelSession): Partial<Peer> {
  const lastHandshake = new Date(handshake * 1000);
  return { ...(handshake === 0 ? {} : { lastHandshake }), receivedBytes, sentBytes };
}

/** Where its packets go: what names the far end says it, the entries of a tunnel before the route into it. */
function endpointOf(
  resources: readonly Resource[],
  linkNamed: PeerSources['link'],
): string | undefined {
  const ends = new Map<Resource['kind'], string>();
  for (const each of resources) {
    if (each.kind === 'wireguard-peer' && each.endpoint !== undefined)
      ends.set(each.kind, each.endpoint);
    const link = 'link' in each && each.link !== undefined ? linkNamed(each.link) : undefined;
    if (each.kind === 'fdb' && link?.type === 'vxlan')
      ends.set(each.kind, socketAddress(each.remote, link.port || VXLAN_PORT));
    if (each.kind === 'neighbour' && link?.type === 'gre') ends.set(each.kind, each.mac);
    if (each.kind === 'route' && each.gateway !== undefined) ends.set(each.kind, each.gateway);
  }
  return END_KINDS.map((kind) => ends.get(kind)).find((end) => end !== undefined);
}

const END_KINDS = ['wireguard-peer', 'fdb', 'neighbour', 'route'] as const;
/** Of the kernel, where none is asked for (drivers/net/vxlan, vxlan_port). */
const VXLAN_PORT = 8472;

function problemsOf(
  { view, note, member, changingTo }: PeerFacts,
  session: TunnelSession | undefined,
  refused: PeerSources['refused'],
): string[] {
  if (view === undefined) return [note ?? 'its lease is not in force'];
  const problems = [view.problem, note];
  if (refused.size > 0)
    problems.push(...view.resources.map((resource) => refused.get(keyOf(resource))));
  if (changingTo !== undefined)
    problems.push(`changes to ${changingTo}, and is reached as before until this host does too`);
  if (session !== undefined && session.handshake === 0 && session.sentBytes > 0)
    problems.push('answers no handshake: the underlay may drop its packets (docs/wireguard.md)');
  if (member?.status === 'failed') problems.push('does not answer gossip');
  return problems.filter((problem) => problem !== undefined);
}
