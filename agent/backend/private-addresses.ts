/** Addresses that mean one host here, and another elsewhere. */
import { familyOf, type Address, type Family } from '../ip/address.ts';
import { containsAddress, prefix, type Prefix } from '../ip/prefix.ts';

type Ranges = Readonly<Record<Family, readonly Prefix[]>>;

/** RFC 1918 and RFC 4193. */
const PRIVATE: Ranges = {
  4: [prefix('10.0.0.0/8'), prefix('172.16.0.0/12'), prefix('192.168.0.0/16')],
  6: [prefix('fc00::/7')],
};

/** Of a carrier (RFC 6598), and of a link (RFC 3927, and RFC 4291 section 2.5.6). */
const NEAR: Ranges = {
  4: [prefix('100.64.0.0/10'), prefix('169.254.0.0/16')],
  6: [prefix('fe80::/10')],
};

/** Of a site: what flanneld calls private. */
export function isPrivate(address: Address): boolean {
  return isIn(PRIVATE, address);
}

/** Means the same host everywhere. */
export function isGlobal(address: Address): boolean {
  return !isIn(PRIVATE, address) && !isIn(NEAR, address);
}

function isIn(ranges: Ranges, address: Address): boolean {
  return ranges[familyOf(address)].some((range) => containsAddress(range, address));
}
