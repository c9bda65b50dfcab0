/** Addresses are opaque bytes that go on as they came; only here are the two lengths of a v4 address one. */

const V4_IN_V6 = Buffer.from('00000000000000000000ffff', 'hex');

export function isAddress(addr: Uint8Array): boolean {
  return addr.length === 4 || addr.length === 16;
}

/** The same host, whichever way it is written: Go programs bound to 0.0.0.0 write v4 in 16 bytes. */
export function isSameAddress(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(shortest(a), shortest(b)) === 0;
}

function shortest(addr: Uint8Array): Uint8Array {
  const isMapped = addr.length === 16 && Buffer.compare(addr.subarray(0, 12), V4_IN_V6) === 0;
  return isMapped ? addr.subarray(12) : addr;
}
