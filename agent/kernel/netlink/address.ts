/** Addresses of links as netlink tells and takes them (struct ifaddrmsg, linux/if_addr.h). Pure. */
import { FAMILIES, familyOf, type Address } from '../../ip/address.ts';
import type { LinkAddress } from '../../state/resource.ts';
import * as nl from './constants.ts';
import { Attributes, LITTLE_ENDIAN, type Message, type MessageWriter } from './message.ts';

const FIXED_BYTES = 8;

export interface AddressRecord {
  readonly linkIndex: number;
  readonly address: Address;
  readonly length: number;
  /** RT_SCOPE_*, linux/rtnetlink.h. */
  readonly scope: number;
  /** IFA_F_*. */
  readonly flags: number;
}

/** The fixed part of a request for the addresses of one link, or of all (0). */
export function writeAddressRequest(writer: MessageWriter, linkIndex: number): void {
  writer.u8(nl.AF_UNSPEC).u8(0).u8(0).u8(nl.RT_SCOPE_UNIVERSE).u32(linkIndex);
}

/**
 * The body of RTM_NEWADDR and RTM_DELADDR. Without duplicate address detection (RFC 4862 section 5.4): leases make
 * the address unique, and no multicast crosses the overlay for it to be asked about.
 */
export function writeAddress(writer: MessageWriter, value: LinkAddress, linkIndex: number): void {
  const family = familyOf(value.address);
  writer.u8(FAMILIES[family].afNumber).u8(value.length).u8(0).u8(nl.RT_SCOPE_UNIVERSE);
  writer.u32(linkIndex);
  writer.addressAttribute(nl.IFA_LOCAL, value.address);
  writer.addressAttribute(nl.IFA_ADDRESS, value.address);
  if (family === 6) writer.u32Attribute(nl.IFA_FLAGS, nl.IFA_F_NODAD);
}

/** What a RTM_NEWADDR or RTM_DELADDR is about; undefined when it is cut short or of another family. */
export function readAddress(message: Message): AddressRecord | undefined {
  if (message.end - message.start < FIXED_BYTES) return undefined;
  const { view, start } = message;
  const attributes = Attributes.of(message, FIXED_BYTES);
  // With a peer, IFA_ADDRESS is the peer's and IFA_LOCAL ours; without, v6 tells only IFA_ADDRESS.
  const address = attributes.address(nl.IFA_LOCAL) ?? attributes.address(nl.IFA_ADDRESS);
  if (address === undefined) return undefined;
  return {
    linkIndex: view.getUint32(start + 4, LITTLE_ENDIAN),
    address,
    length: view.getUint8(start + 1),
    scope: view.getUint8(start + 3),
    flags: attributes.u32(nl.IFA_FLAGS) ?? view.getUint8(start + 2),
  };
}

/** Link-local v6 addresses are the kernel's own doing. */
export function isKernelMade(record: AddressRecord): boolean {
  return record.scope === nl.RT_SCOPE_LINK && familyOf(record.address) === 6;
}
