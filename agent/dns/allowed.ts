/** Whether an address is of one of some prefixes, as bytes: it is asked for every question. */
import { addressToBytes } from '../ip/address.ts';
import { baseOf, lengthOf, type Prefix } from '../ip/prefix.ts';

export type Allowed = (bytes: Uint8Array, offset: number, length: number) => boolean;

/** Of none: every address is. The address stands in `bytes` from `offset`, `length` bytes long. */
export function allowedBy(prefixes: readonly Prefix[]): Allowed {
  const parsed = prefixes.map((prefix) => ({
    base: addressToBytes(baseOf(prefix)),
    bits: lengthOf(prefix),
  }));
  if (parsed.length === 0) return () => true;
  return (bytes, offset, length) =>
    parsed.some(({ base, bits }) => base.length === length && agrees(base, bits, bytes, offset));
}

function agrees(base: Uint8Array, bits: number, bytes: Uint8Array, offset: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (base[i] !== bytes[offset + i]) return false;
  const rest = bits & 7;
  return rest === 0 || ((base[whole] ?? 0) ^ (bytes[offset + whole] ?? 0)) >> (8 - rest) === 0;
}
