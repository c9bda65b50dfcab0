/** Makes, changes and removes links, one at a time, and reads each back: what the kernel did not take is a failure. */
import type { Operation, Outcome } from '../../state/kernel.ts';
import {
  describe,
  same,
  type BridgeLink,
  type ForeignLink,
  type Link,
  type TunnelLink,
  type UdpLink,
  type VethLink,
  type VxlanLink,
} from '../../state/resource.ts';
import { vethPeer } from '../../state/veth.ts';
import { KernelError, type Refusal } from '../errno.ts';
import { openNamespace } from '../namespace.ts';
import { DONE, failed } from './batches.ts';
import * as nl from './constants.ts';
import {
  readLink,
  writeLinkChange,
  writeLinkRemoval,
  writeLinkRequest,
  writeLinkRequestByName,
  writeAliasByName,
  writeBridge,
  writeIpTunnel,
  writeTunnelChange,
  writeVeth,
  writeVxlan,
  writeWireguard,
  type LinkRecord,
  type Surroundings,
} from './link.ts';
import type { LinkTable } from './link-table.ts';
import { MessageWriter } from './message.ts';
import type { DumpSocket, RequestSocket } from './socket.ts';

/** What weft makes. */
type OwnLink = Exclude<Link, ForeignLink>;

/** Makes devices that a program in user space stands behind; resolves when one is there. Never rejects. */
export interface Userspace {
  /** For a kernel without WireGuard. */
  wireguard(name: string): Promise<Refusal | undefined>;
  udp(link: Pick<UdpLink, 'name' | 'listen'>): Promise<Refusal | undefined>;
}

interface LinkParts {
  readonly socket: RequestSocket;
  readonly dumps: DumpSocket;
  readonly links: LinkTable;
  /** Told when a link was made anew, as everything that stood on the old one is gone. */
  readonly onRemade: (name: string) => void;
  readonly userspace: Userspace;
}

export class LinkOperations {
  readonly #parts: LinkParts;
  readonly #writer = new MessageWriter();

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async run(operation: Operation): Promise<Outcome> {
    try {
      if (operation.action === 'remove') return await this.#remove(operation.actual as Link);
      const desired = operation.desired as Link;
      if (desired.type === 'foreign')
        return failed({ code: 'EINVAL', message: 'weft makes no link of this kind' });
      return await this.#establish(desired, operation.action === 'change');
    } catch (cause) {
      return failed(cause instanceof KernelError ? cause : new KernelError('EIO', String(cause)));
    }
  }

  /** The link of that name as it is now; the table then knows it. */
  async find(name: string): Promise<LinkRecord | undefined> {
    return this.#fetch((writer) => writeLinkRequestByName(writer, name));
  }

  async #establish(desired: OwnLink, exists: boolean): Promise<Outcome> {
    this.#parts.links.want(desired.name);
    const { lower: below, master: bridge } = linksAround(desired);
    const [lower, master] = [await this.#indexOf(below), await this.#indexOf(bridge)];
    if (lower === undefined || master === undefined) {
      const missing = lower === undefined ? below : bridge;
      return failed({ code: 'ENODEV', message: `there is no link ${missing} for ${desired.name}` });
    }
    const around = { lower, master };
    const standing = exists ? await this.find(desired.name) : undefined;
    if (standing !== undefined) return this.#change(desired, standing, around);
    const refusal = await this.#create(desired, around);
    if (refusal === undefined) return this.#verify(desired);
    if (refusal.code !== 'EEXIST') return failed(refusal);
    const taken = await this.find(desired.name);
    if (taken !== undefined) return this.#change(desired, taken, around);
    return { status: 'conflict', found: (await this.#sameTunnel(desired)) ?? refusal.message };
  }

  /** 0 for none. */
  async #indexOf(name: string | undefined): Promise<number | undefined> {
    if (name === undefined) return 0;
    return (this.#parts.links.get(name) ?? (await this.find(name)))?.index;
  }

  async #create(desired: OwnLink, around: Surroundings): Promise<Refusal | undefined> {
    const refusal = await this.#make(desired, around);
    if (refusal !== undefined) return refusal;
    const made = await this.find(desired.name);
    if (made === undefined)
      return { code: 'ENODEV', message: 'the link went as soon as it was made' };
    const { alias, up } = desired;
    const size = COMES_WITH_AN_MTU.has(desired.type) ? { mtu: desired.mtu } : {};
    return this.#request(nl.RTM_NEWLINK, 0, (writer) =>
      writeLinkChange(writer, made.index, { ...size, alias, up }),
    );
  }

  async #make(desired: OwnLink, around: Surroundings): Promise<Refusal | undefined> {
    if (desired.type === 'udp') return this.#makeUdp(desired);
    if (desired.type === 'veth') return this.#makeVeth(desired, around);
    if (desired.type === 'bridge')
      return this.#makeNamed(desired, (writer) => writeBridge(writer, desired));
    const refusal = await this.#request(nl.RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL, (writer) =>
      writeNew(writer, desired, around),
    );
    if (refusal === undefined || !NO_DRIVER.has(refusal.code)) return refusal;
    if (desired.type === 'wireguard') return this.#parts.userspace.wireguard(desired.name);
    const message = `this kernel has no ${desired.type} devices: load the module ${MODULES[desired.type]}`;
    return { code: refusal.code, message };
  }

  /** With its alias in the same send: whenever this process ends, no link is left that it would not know for its own. */
  async #makeNamed(
    { name, alias }: OwnLink,
    write: (writer: MessageWriter) => void,
  ): Promise<Refusal | undefined> {
    const { socket } = this.#parts;
    const first = socket.reserve(2);
    const writer = this.#writer;
    writer.reset();
    writer.begin(nl.RTM_NEWLINK, nl.NLM_F_REQUEST | nl.NLM_F_CREATE | nl.NLM_F_EXCL, first);
    write(writer);
    writer.end();
    writer.begin(nl.RTM_NEWLINK, nl.NLM_F_REQUEST | nl.NLM_F_ACK, first + 1);
    writeAliasByName(writer, name, alias);
    writer.end();
    const { errors } = await socket.transact(writer.written, first, first + 1);
    return errors.get(first) ?? errors.get(first + 1);
  }

  /** The other end comes up nowhere else than in its namespace. */
  async #makeVeth(desired: VethLink, around: Surroundings): Promise<Refusal | undefined> {
    const peer = vethPeer(desired.alias);
    if (peer === undefined) return new KernelError('EINVAL');
    using netns = openNamespace(peer.namespace);
    const refusal = await this.#makeNamed(desired, (writer) =>
      writeVeth(writer, desired, around, peer, netns.fd),
    );
    if (refusal?.code !== 'EEXIST') return refusal;
    return { code: 'EEXIST', message: `a link ${peer.name} in ${peer.namespace.path}` };
  }

  async #makeUdp(desired: UdpLink): Promise<Refusal | undefined> {
    const isTaken = (await this.find(desired.name)) !== undefined;
    return isTaken ? new KernelError('EEXIST') : this.#parts.userspace.udp(desired);
  }

  async #change(desired: OwnLink, standing: LinkRecord, around: Surroundings): Promise<Outcome> {
    const actual = this.#parts.links.resource(standing);
    if (same(actual, desired)) return DONE;
    if (isAdjustable(actual, desired)) {
      const refusal = await this.#adjust(desired, actual, standing.index, around);
      if (refusal === undefined) return this.#verify(desired);
      if (refusal.code !== 'ENOTSUP') return failed(refusal);
    }
    return this.#remake(desired, standing, around);
  }

  /** The tunnel first: the kernel refuses an MTU in the same message, and a new lower link may allow a larger one. */
  async #adjust(
    desired: OwnLink,
    actual: Link,
    index: number,
    { lower, master }: Surroundings,
  ): Promise<Refusal | undefined> {
    if (
      (desired.type === 'vxlan' || desired.type === 'ipip' || desired.type === 'gre') &&
      hasMoved(actual, desired)
    ) {
      const refusal = await this.#request(nl.RTM_NEWLINK, 0, (writer) =>
        writeTunnelChange(writer, index, desired, lower),
      );
      if (refusal !== undefined) return refusal;
    }
    const moves = linksAround(desired).master !== linksAround(actual).master;
    const place = moves ? { masterIndex: master } : {};
    return this.#request(nl.RTM_NEWLINK, 0, (writer) =>
      writeLinkChange(writer, index, { ...differing(actual, desired), ...place }),
    );
  }

  async #remake(desired: OwnLink, standing: LinkRecord, around: Surroundings): Promise<Outcome> {
    const refusal = (await this.#delete(standing.index)) ?? (await this.#create(desired, around));
    this.#parts.onRemade(desired.name);
    return refusal === undefined ? this.#verify(desired) : failed(refusal);
  }

  async #verify(desired: OwnLink): Promise<Outcome> {
    const record = await this.find(desired.name);
    if (record === undefined) return failed(new KernelError('ENODEV'));
    const actual = this.#parts.links.resource(record);
    if (same(actual, desired)) return DONE;
    if (actual.type === 'vxlan' && desired.type === 'vxlan' && actual.mac !== desired.mac) {
      const message =
        `its MAC is ${actual.mac} and not ${desired.mac}: udev or another program rewrote it; ` +
        'set MACAddressPolicy=none for it in a systemd .link file';
      return failed({ code: 'EADDRNOTAVAIL', message });
    }
    const message = `the kernel made it otherwise: ${difference(actual, desired)}`;
    return failed({ code: 'EINVAL', message });
  }

  async #remove(actual: Link): Promise<Outcome> {
    const standing = await this.find(actual.name);
    if (standing === undefined) return DONE;
    const { links } = this.#parts;
    if (!links.isOurs(standing))
      return { status: 'conflict', found: describe(links.resource(standing)) };
    const refusal = await this.#delete(standing.index);
    return refusal === undefined || refusal.code === 'ENODEV' ? DONE : failed(refusal);
  }

  async #delete(index: number): Promise<Refusal | undefined> {
    const refusal = await this.#request(nl.RTM_DELLINK, 0, (writer) =>
      writeLinkRemoval(writer, index),
    );
    if (refusal === undefined) this.#parts.links.drop(index);
    return refusal;
  }

  /** Another device holds the VNI and port: the kernel says EEXIST though the name is free. */
  async #sameTunnel(desired: OwnLink): Promise<string | undefined> {
    if (desired.type !== 'vxlan') return undefined;
    const pieces = await this.#parts.dumps.dump(nl.RTM_GETLINK, (writer) =>
      writeLinkRequest(writer),
    );
    for (const message of pieces.flat()) {
      const record = readLink(message);
      if (record?.vxlan?.vni === desired.vni && record.vxlan.port === desired.port)
        return describe(this.#parts.links.resource(record));
    }
    return undefined;
  }

  async #fetch(write: (writer: MessageWriter) => void): Promise<LinkRecord | undefined> {
    const { errors, replies } = await this.#ask(nl.RTM_GETLINK, 0, write);
    const [refusal] = errors.values();
    if (refusal !== undefined && refusal.code !== 'ENODEV')
      throw new KernelError(refusal.code, refusal.message);
    const record = replies[0] === undefined ? undefined : readLink(replies[0]);
    if (record !== undefined) this.#parts.links.put(record);
    return record;
  }

  async #request(
    type: number,
    flags: number,
    write: (writer: MessageWriter) => void,
  ): Promise<Refusal | undefined> {
    const { errors } = await this.#ask(type, flags, write);
    return [...errors.values()][0];
  }

  #ask(
    type: number,
    flags: number,
    write: (writer: MessageWriter) => void,
  ): ReturnType<RequestSocket['transact']> {
    return this.#parts.socket.ask(this.#writer, type, flags, write);
  }
}

/** What the kernel never changes on a device that exists (drivers/net/vxlan, vxlan_config_validate). */
const FIXED = ['vni', 'port', 'gbp', 'proxy'] as const;
/** What it changes by IFLA_VXLAN attributes, all of them together. */
const MOVABLE = ['local', 'lower', 'learning'] as const;
const SETTINGS = ['mtu', 'mac', 'alias', 'up'] as const;
/** The kernel's answers when it has no driver for a kind of link, and no module to load. */
const NO_DRIVER: ReadonlySet<string> = new Set(['ENOTSUP', 'EOPNOTSUPP', 'ENODEV']);
const MODULES = { vxlan: 'vxlan', ipip: 'ipip', gre: 'ip_gre' } as const;
/** Of the others' MTU the kernel makes what it can when it makes them. */
const COMES_WITH_AN_MTU: ReadonlySet<Link['type']> = new Set(['wireguard', 'udp', 'bridge']);

/** Only a VXLAN device stands on a link. */
function linksAround(link: Link): { readonly lower?: string; readonly master?: string } {
  if (link.type === 'veth') return { master: link.master };
  if (link.type !== 'vxlan') return {};
  const { lower, master } = link;
  return master === undefined ? { lower } : { lower, master };
}

function isAdjustable(actual: Link, desired: OwnLink): boolean {
  if (actual.type === 'vxlan' && desired.type === 'vxlan')
    return FIXED.every((name) => actual[name] === desired[name]);
  if (actual.type === 'udp' && desired.type === 'udp') return actual.listen === desired.listen;
  // Another alias means another namespace at the other end.
  if (actual.type === 'veth' && desired.type === 'veth') return actual.alias === desired.alias;
  return actual.type === desired.type;
}

function writeNew(
  writer: MessageWriter,
  desired: Exclude<OwnLink, UdpLink | VethLink | BridgeLink>,
  around: Surroundings,
): void {
  if (desired.type === 'vxlan') writeVxlan(writer, desired, around);
  else if (desired.type === 'wireguard') writeWireguard(writer, desired);
  else writeIpTunnel(writer, desired);
}

/** Whether what differs is of the tunnel itself. */
function hasMoved(actual: Link, desired: VxlanLink | TunnelLink): boolean {
  const [is, shall] = [actual, desired].map(
    (link) => new Map<string, unknown>(Object.entries(link)),
  );
  return MOVABLE.some((name) => is?.get(name) !== shall?.get(name));
}

function differing(
  actual: Link,
  desired: OwnLink,
): Partial<Pick<VxlanLink, (typeof SETTINGS)[number]>> {
  const is = new Map<string, unknown>(Object.entries(actual));
  return Object.fromEntries(
    Object.entries(desired).filter(
      ([name, value]) => SETTINGS.some((each) => each === name) && is.get(name) !== value,
    ),
  );
}

function difference(actual: Link, desired: OwnLink): string {
  const is = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(desired)
    .filter(([name, value]) => is.get(name) !== value)
    .map(([name, value]) => `${name} ${String(is.get(name))} instead of ${String(value)}`)
    .join(', ');
}
