/**
 * auto: one of host-gw, vxlan and wireguard for each peer, chosen from what both hosts publish, so that both choose the
 * same:
 *
 *     host-gw     their addresses are on one link
 *     vxlan       both have private addresses only
 *     wireguard   else, and with policy `all` in any case
 *
 * What a lease tells is what the three tell together, and the link's prefix. What only one host can know may turn host-gw
 * into vxlan at one end, as either takes what the other sends; it never decides whether packets are encrypted.
 */
import type { Address, Family } from '../ip/address.ts';
import { containsAddress, lengthOf, parsePrefix, type Prefix } from '../ip/prefix.ts';
import { PrefixTable } from '../ip/prefix-table.ts';
import { perFamily, type HostFacts, type Lease, type Underlay } from '../state/facts.ts';
import {
  directLinks,
  familiesOf,
  otherBackend,
  type Backend,
  type MeshPlan,
  type Published,
  type PublishFacts,
} from './backend.ts';
import { isGlobal } from './private-addresses.ts';

export const ENCRYPTION_POLICIES = ['public', 'all'] as const;

export interface AutoOptions {
  /** Whether to encrypt what leaves the private network, or everything. */
  readonly encrypt: (typeof ENCRYPTION_POLICIES)[number];
  /** Whether peers on a link of ours are reached without encapsulation. */
  readonly directRouting: boolean;
  /** The backends to choose from. `wireguard` has one device for both outer families. */
  readonly parts: Readonly<Record<Part, Backend>>;
}

type Part = 'host-gw' | 'vxlan' | 'wireguard';

export function auto(options: AutoOptions): Backend {
  const { vxlan, wireguard } = options.parts;
  return {
    type: 'auto',
    links: [...vxlan.links, ...wireguard.links],
    hasKey: true,
    agreed: { ...vxlan.agreed, ...wireguard.agreed, encrypt: options.encrypt },
    publish: (facts) => publish(options, facts),
    plan: (facts, published) => plan(options, facts, published),
  };
}

// ---- what we tell the others ----

function publish({ parts }: AutoOptions, facts: PublishFacts): Published {
  const { underlay } = facts;
  const before = facts.before && as('vxlan', facts.before);
  const tunnel = parts.vxlan.publish({ ...facts, before });
  const encrypted = parts.wireguard.publish({ ...facts, before: undefined });
  const v4 = together(tunnel.backendData, encrypted.backendData, linkOf(underlay, 4));
  const v6 = together(tunnel.backendV6Data, encrypted.backendV6Data, linkOf(underlay, 6));
  return {
    ...encrypted,
    publicAddresses: perFamily(underlay.publicAddresses[4], underlay.publicAddresses[6]),
    backendType: 'auto',
    ...(v4 === undefined ? {} : { backendData: v4 }),
    ...(v6 === undefined ? {} : { backendV6Data: v6 }),
  };
}

function together(vtep: unknown, key: unknown, link: Prefix | undefined): object | undefined {
  const all = {
    ...asObject(vtep),
    ...asObject(key),
    ...(link === undefined ? {} : { Link: link }),
  };
  return Object.keys(all).length === 0 ? undefined : all;
}

function asObject(data: unknown): object {
  return typeof data === 'object' && data !== null ? data : {};
}

/** The prefix on our link that our address is one of; undefined when we publish one that the link does not have. */
function linkOf(
  { link, addresses, publicAddresses, routes }: Underlay,
  family: Family,
): Prefix | undefined {
  const own = publicAddresses[family];
  if (own === undefined || own !== addresses[family]) return undefined;
  const near = routes.filter(
    (route) => route.gateway === undefined && route.link === link && lengthOf(route.prefix) > 0,
  );
  return new PrefixTable(near.map(({ prefix }) => [prefix, prefix] as const)).lookup(own);
}

function as<T extends Published>(type: Part, lease: T): T {
  return { ...lease, backendType: type };
}

// ---- the choice ----

interface Choice {
  readonly backend: Part;
  readonly reason: string;
}

/** Of two hosts either chooses the same: all that is asked is symmetric. */
function choose(
  { encrypt, directRouting }: AutoOptions,
  families: readonly Family[],
  ours: Published,
  theirs: Published,
): Choice {
  if (encrypt === 'all') return { backend: 'wireguard', reason: 'everything is encrypted' };
  const link = directRouting ? sharedLink(families, ours, theirs) : undefined;
  if (link !== undefined) return { backend: 'host-gw', reason: `on the same link, ${link}` };
  const pairs = addressPairs(ours, theirs);
  const open = pairs.flat().find(isGlobal);
  if (open !== undefined) return { backend: 'wireguard', reason: `${open} is a public address` };
  if (pairs.length > 0)
    return { backend: 'vxlan', reason: 'both have private addresses, on different links' };
  return { backend: 'wireguard', reason: 'no addresses of one family' };
}

/** The prefix of a link that both are on with the addresses of every family of the network; the first family's. */
function sharedLink(
  families: readonly Family[],
  ours: Published,
  theirs: Published,
): Prefix | undefined {
  const shared = families.map((family) => {
    const prefix = linkIn(ours, family);
    const isTheirs = prefix !== undefined && linkIn(theirs, family) === prefix;
    const pair = [ours, theirs].map(({ publicAddresses }) => publicAddresses[family]);
    const areOn = pair.every(
      (each) => each !== undefined && prefix !== undefined && containsAddress(prefix, each),
    );
    return isTheirs && areOn ? prefix : undefined;
  });
  return shared.includes(undefined) ? undefined : shared[0];
}

function linkIn({ backendData, backendV6Data }: Published, family: Family): Prefix | undefined {
  const data = asObject(family === 4 ? backendData : backendV6Data);
  const text: unknown = 'Link' in data ? data.Link : undefined;
  return typeof text === 'string' ? parsePrefix(text) : undefined;
}

/** In each family that both publish. */
function addressPairs(ours: Published, theirs: Published): Address[][] {
  return familiesOf(ours.publicAddresses).flatMap((family) => {
    const [here, there] = [ours.publicAddresses[family], theirs.publicAddresses[family]];
    return here === undefined || there === undefined ? [] : [[here, there]];
  });
}

// ---- what the kernel shall hold ----

function plan(options: AutoOptions, facts: HostFacts, published: Published): MeshPlan {
  const { parts, encrypt } = options;
  const families = familiesOf(facts.network.ranges);
  const linkTo = directLinks(facts.underlay);
  const plans: Readonly<Record<Part, MeshPlan>> = {
    'host-gw': parts['host-gw'].plan(facts, published),
    vxlan: parts.vxlan.plan(facts, published),
    wireguard: parts.wireguard.plan(facts, published),
  };
  const isReachedDirectly = (lease: Lease): boolean =>
    families.every((family) => {
      const address = lease.publicAddresses[family];
      return address !== undefined && linkTo(address) !== undefined;
    });
  const choiceFor = (lease: Lease): Choice => {
    const choice = choose(options, families, published, lease);
    if (choice.backend !== 'host-gw' || isReachedDirectly(lease)) return choice;
    return { backend: 'vxlan', reason: `${choice.reason}, but routed otherwise on this host` };
  };
  const used = encrypt === 'all' ? [plans.wireguard] : [plans.vxlan, plans.wireguard];
  return {
    mtu: Math.min(...used.map(({ mtu }) => mtu)),
    encrypts: encrypt === 'all' ? 'everything' : { links: linksOf(plans.wireguard) },
    host: used.flatMap(({ host }) => host),
    detour: plans.wireguard.detour ?? [],
    peer: (lease, way) => {
      if (lease.backendType !== 'auto') return otherBackend('auto', lease);
      const choice = choiceFor(lease);
      return { ...plans[choice.backend].peer(as(choice.backend, lease), way), choice };
    },
    aim: (lease) => {
      const isEncrypted = lease.backendType === 'auto' && choiceFor(lease).backend === 'wireguard';
      return isEncrypted ? plans.wireguard.aim?.(as('wireguard', lease)) : undefined;
    },
  };
}

function linksOf({ host, detour = [] }: MeshPlan): string[] {
  return [...host, ...detour].flatMap((each) => (each.kind === 'link' ? each.name : []));
}
