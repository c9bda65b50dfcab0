/** Which of a link's addresses can be the outer address of the overlay, the best first. */
import { familyOf, type Address, type Family } from '../ip/address.ts';
import { containsAddress, prefix } from '../ip/prefix.ts';
import type { AddressInfo } from '../state/links.ts';

/** RFC 3927 section 2.1 and RFC 4291 section 2.5.6. */
const LINK_LOCAL = { 4: prefix('169.254.0.0/16'), 6: prefix('fe80::/10') } as const;

/** Neither on its way out nor of this host alone (loopback). */
export function isUsable(info: AddressInfo, family: Family): boolean {
  const isLocal = info.scope === 'host' || info.scope === 'nowhere';
  return familyOf(info.address) === family && !info.deprecated && !isLocal;
}

/** Global before link-local, permanent before dynamic, lasting before temporary; else in the kernel's order. */
export function usableAddresses(
  addresses: readonly AddressInfo[],
  link: string,
  family: Family,
): Address[] {
  return addresses
    .filter((info) => info.link === link && isUsable(info, family))
    .toSorted((a, b) => weightOf(a) - weightOf(b))
    .map(({ address }) => address);
}

/** Only of use on one link. */
export function isLinkLocal(address: Address): boolean {
  return containsAddress(LINK_LOCAL[familyOf(address)], address);
}

function weightOf(info: AddressInfo): number {
  const isLocal = info.scope === 'link' || isLinkLocal(info.address);
  return (isLocal ? 4 : 0) + (info.permanent ? 0 : 2) + (info.temporary ? 1 : 0);
}
