/**
 * A fresh network namespace for each test, which this process enters, with the netlink driver at work in it:
 *
 *     under0 (veth, 192.0.2.1/24, 2001:db8::1/64) ── under1
 *        └── flannel.1, flannel-v6.1: what the driver makes
 */
import { afterEach, beforeEach, expect } from 'vitest';
import { address } from '../../agent/ip/address.ts';
import { mac } from '../../agent/ip/mac.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { composeKernel } from '../../agent/kernel/kernel.ts';
import { openNetlink, type Netlink } from '../../agent/kernel/netlink/netlink.ts';
import { SysctlDriver } from '../../agent/kernel/sysctl.ts';
import type { Kernel, KernelEvent, Outcome } from '../../agent/state/kernel.ts';
import {
  ROUTE_PROTOCOL,
  same,
  type FdbEntry,
  type LinkAddress,
  type Neighbour,
  type Resource,
  type Route,
  type VxlanLink,
} from '../../agent/state/resource.ts';
import { runSync } from '../lab/command.ts';
import { enterNamespace } from '../lab/enter.ts';
import { eventually } from '../lab/eventually.ts';

const NETNS = `wkker${process.pid}`;
export const DONE: Outcome = { status: 'done' };
/** How soon an event must be told, in ms. */
export const SOON = 2000;

interface Family {
  readonly name: string;
  readonly link: VxlanLink;
  readonly address: LinkAddress;
  readonly neighbour: Neighbour;
  readonly fdb: FdbEntry;
  readonly route: Route;
  readonly direct: Route;
  readonly blackhole: Route;
  readonly otherRemote: string;
  readonly ip: string;
}

const COMMON = {
  kind: 'link',
  type: 'vxlan',
  vni: 1,
  lower: 'under0',
  port: 8472,
  learning: false,
  gbp: false,
  proxy: false,
  up: true,
  alias: 'weft',
} as const;

function family(
  ip: string,
  link: VxlanLink,
  own: string,
  peer: string,
  length: number,
  underlayPeer: string,
  otherRemote: string,
): Family {
  const full = ip === '-4' ? 32 : 128;
  const route = { kind: 'route', metric: 0, type: 'unicast', protocol: ROUTE_PROTOCOL } as const;
  const peerPrefix = prefix(`${peer}/${length}`);
  const peerMac = mac('a6:6a:fc:ba:f0:41');
  const base = address(peer);
  return {
    name: ip === '-4' ? 'IPv4' : 'IPv6',
    ip,
    link,
    otherRemote,
    address: { kind: 'address', link: link.name, address: address(own), length: full },
    neighbour: { kind: 'neighbour', link: link.name, address: base, mac: peerMac },
    fdb: { kind: 'fdb', link: link.name, mac: peerMac, remote: address(underlayPeer) },
    route: { ...route, prefix: peerPrefix, link: link.name, gateway: base, onlink: true },
    direct: {
      ...route,
      prefix: peerPrefix,
      link: 'under0',
      gateway: address(underlayPeer),
      onlink: false,
    },
    blackhole: {
      kind: 'route',
      prefix: peerPrefix,
      metric: 0,
      type: 'blackhole',
      onlink: false,
      protocol: ROUTE_PROTOCOL,
    },
  };
}

export const V4 = family(
  '-4',
  {
    ...COMMON,
    name: 'flannel.1',
    local: address('192.0.2.1'),
    mtu: 1450,
    mac: mac('02:00:00:00:00:01'),
  },
  '10.5.13.0',
  '10.5.37.0',
  24,
  '192.0.2.2',
  '192.0.2.3',
);
export const V6 = family(
  '-6',
  {
    ...COMMON,
    name: 'flannel-v6.1',
    local: address('2001:db8::1'),
    mtu: 1430,
    mac: mac('02:00:00:00:00:02'),
  },
  'fd00:5:0:13::',
  'fd00:5:0:37::',
  64,
  '2001:db8::2',
  '2001:db8::3',
);

/** Everything of one family, in the order it is made. */
export function everything(of: Family): Resource[] {
  return [of.link, of.address, of.neighbour, of.fdb, of.route];
}

/** What the tests of one file look at; made anew for each. */
export const room = {} as { netlink: Netlink; kernel: Kernel; events: KernelEvent[] };
let leave = (): void => undefined;

/** Call once in a test file. */
export function useRoom(): void {
  beforeEach(enter);
  afterEach(clear);
}

function enter(): void {
  runSync('ip', ['netns', 'add', NETNS]);
  leave = enterNamespace(NETNS);
  batch([
    'link set lo up',
    'link add under0 type veth peer name under1',
    'address add 192.0.2.1/24 dev under0',
    'address add 2001:db8::1/64 dev under0 nodad',
    'link set under0 up',
    'link set under1 up',
  ]);
  room.netlink = openNetlink();
  room.kernel = composeKernel([room.netlink.driver, new SysctlDriver()]);
  const events: KernelEvent[] = [];
  room.events = events;
  room.kernel.watch((event) => events.push(event));
}

async function clear(): Promise<void> {
  await room.netlink.close();
  leave();
  runSync('ip', ['netns', 'delete', NETNS]);
}

export function batch(lines: readonly string[]): void {
  runSync('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
}

export function ip(args: string): string {
  return runSync('ip', args.split(' '));
}

export function ipJson(args: string): Record<string, unknown>[] {
  return JSON.parse(ip(`-j -d ${args}`) || '[]') as Record<string, unknown>[];
}

export function create(resources: readonly Resource[]): Promise<readonly Outcome[]> {
  return room.kernel.apply(resources.map((desired) => ({ action: 'create', desired })));
}

export function remove(resources: readonly Resource[]): Promise<readonly Outcome[]> {
  return room.kernel.apply(resources.map((actual) => ({ action: 'remove', actual })));
}

export function change(actual: Resource, desired: Resource): Promise<readonly Outcome[]> {
  return room.kernel.apply([{ action: 'change', desired, actual }]);
}

export async function dump(...wanted: string[]): Promise<Resource[]> {
  const all: Resource[] = [];
  for await (const slice of room.kernel.dump(new Set(wanted))) all.push(...slice);
  return all;
}

/** What is dumped, one line each, in an order of its own. */
export async function dumped(): Promise<string[]> {
  return lines((await dump()).filter(({ kind }) => kind !== 'sysctl'));
}

export function lines(resources: readonly Resource[]): string[] {
  return resources.map((resource) => JSON.stringify(resource, Object.keys(resource).sort())).sort();
}

export function allDone(outcomes: readonly Outcome[]): void {
  expect(outcomes.filter(({ status }) => status !== 'done')).toEqual([]);
}

export async function othersDid(command: string, expected: KernelEvent): Promise<void> {
  ip(command);
  await told(expected);
}

export async function told(expected: KernelEvent): Promise<void> {
  await eventually(() => room.events.some((event) => sameEvent(event, expected)), {
    within: SOON,
    what: `${JSON.stringify(expected)} among ${JSON.stringify(room.events)}`,
  });
}

function sameEvent(a: KernelEvent, b: KernelEvent): boolean {
  if (a.type === 'present' && b.type === 'present') return same(a.resource, b.resource);
  return JSON.stringify(a) === JSON.stringify(b);
}
