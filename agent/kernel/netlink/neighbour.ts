/**
 * Neighbours and forwarding entries as netlink tells and takes them: both are struct ndmsg (linux/neighbour.h),
 * told apart by the family AF_BRIDGE. Pure.
 */
import { FAMILIES, familyOf, type Address } from '../../ip/address.ts';
import { parseMac, type Mac } from '../../ip/mac.ts';
import { ALL_OTHERS, type FdbEntry, type Neighbour } from '../../state/resource.ts';
import * as nl from './constants.ts';
import { Attributes, LITTLE_ENDIAN, type Message, type MessageWriter } from './message.ts';

const FIXED_BYTES = 12;

export interface NeighbourRecord {
  readonly kind: 'neighbour';
  readonly linkIndex: number;
  readonly address: Address;
  readonly mac?: Mac | Address | undefined;
  /** NUD_PERMANENT and no proxy entry: one that was set by hand. */
  readonly permanent: boolean;
}

export interface FdbRecord {
  readonly kind: 'fdb';
  readonly linkIndex: number;
  readonly mac: Mac;
  readonly remote: Address;
  readonly permanent: boolean;
}

/** The body of a request for the neighbours of one link, both families. */
export function writeNeighbourRequest(writer: MessageWriter, linkIndex: number): void {
  writeFixed(writer, nl.AF_UNSPEC, 0, 0, 0);
  writer.u32Attribute(nl.NDA_IFINDEX, linkIndex);
}

/** The body of a request for the forwarding entries of one link. */
export function writeFdbRequest(writer: MessageWriter, linkIndex: number): void {
  writeFixed(writer, nl.AF_BRIDGE, linkIndex, 0, 0);
}

/** The body of RTM_NEWNEIGH for a neighbour. */
export function writeNeighbour(writer: MessageWriter, value: Neighbour, linkIndex: number): void {
  const { afNumber } = FAMILIES[familyOf(value.address)];
  writeFixed(writer, afNumber, linkIndex, nl.NUD_PERMANENT, 0);
  writer.addressAttribute(nl.NDA_DST, value.address);
  const mac = parseMac(value.mac);
  if (mac === undefined) writer.addressAttribute(nl.NDA_LLADDR, value.mac as Address);
  else writer.macAttribute(nl.NDA_LLADDR, mac);
}

/** The body of RTM_DELNEIGH for a neighbour: its address says which. */
export function writeNeighbourRemoval(
  writer: MessageWriter,
  value: Neighbour,
  linkIndex: number,
): void {
  writeFixed(writer, FAMILIES[familyOf(value.address)].afNumber, linkIndex, 0, 0);
  writer.addressAttribute(nl.NDA_DST, value.address);
}

/** The body of RTM_NEWNEIGH for a forwarding entry. */
export function writeFdb(writer: MessageWriter, value: FdbEntry, linkIndex: number): void {
  writeFixed(writer, nl.AF_BRIDGE, linkIndex, nl.NUD_PERMANENT, nl.NTF_SELF);
  writer.macAttribute(nl.NDA_LLADDR, value.mac);
  writer.addressAttribute(nl.NDA_DST, value.remote);
}

/** The body of RTM_DELNEIGH for a forwarding entry. Without a destination: whatever stands at this MAC goes, so not for all others. */
export function writeFdbRemoval(writer: MessageWriter, value: FdbEntry, linkIndex: number): void {
  writeFixed(writer, nl.AF_BRIDGE, linkIndex, nl.NUD_PERMANENT, nl.NTF_SELF);
  writer.macAttribute(nl.NDA_LLADDR, value.mac);
  if (value.mac === ALL_OTHERS) writer.addressAttribute(nl.NDA_DST, value.remote);
}

function writeFixed(
  writer: MessageWriter,
  family: number,
  linkIndex: number,
  state: number,
  flags: number,
): void {
  writer.u8(family).u8(0).u16(0).u32(linkIndex).u16(state).u8(flags).u8(0);
}

/** What a RTM_NEWNEIGH or RTM_DELNEIGH is about; undefined for what is cut short or no entry of these two kinds. */
export function readNeighbour(message: Message): NeighbourRecord | FdbRecord | undefined {
  if (message.end - message.start < FIXED_BYTES) return undefined;
  const { view, start } = message;
  const linkIndex = view.getUint32(start + 4, LITTLE_ENDIAN);
  const state = view.getUint16(start + 8, LITTLE_ENDIAN);
  const flags = view.getUint8(start + 10);
  const attributes = Attributes.of(message, FIXED_BYTES);
  const address = attributes.address(nl.NDA_DST);
  const mac = attributes.mac(nl.NDA_LLADDR);
  if (address === undefined) return undefined;
  const isPermanent = (state & nl.NUD_PERMANENT) !== 0;
  if (view.getUint8(start) !== nl.AF_BRIDGE) {
    const permanent = isPermanent && (flags & nl.NTF_PROXY) === 0;
    return {
      kind: 'neighbour',
      linkIndex,
      address,
      mac: mac ?? attributes.address(nl.NDA_LLADDR),
      permanent,
    };
  }
  // Entries without SELF belong to the bridge above, not to the device.
  if (mac === undefined || (flags & nl.NTF_SELF) === 0) return undefined;
  return { kind: 'fdb', linkIndex, mac, remote: address, permanent: isPermanent };
}
