/** The address of a leased subnet that its bridge has, by flannel's convention: the first. */
import { addressFromBytes, addressToBytes, type Address } from '../ip/address.ts';
import { baseOf, type Prefix } from '../ip/prefix.ts';

export function gatewayOf(subnet: Prefix): Address {
  const bytes = addressToBytes(baseOf(subnet));
  const last = bytes.length - 1;
  bytes[last] = (bytes[last] ?? 0) + 1;
  return addressFromBytes(bytes);
}
