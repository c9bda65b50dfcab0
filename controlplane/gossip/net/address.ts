/**
 * Addresses between gossip's bytes and the text that sockets and people use. A v4 address may come in 16 bytes; it is
 * dialled as v4, and kept as it came (T1 of memberlist's traps).
 */
import { isIP } from 'node:net';
import type { Endpoint } from '../effects.ts';

export type Family = 4 | 6;

const V4_IN_V6 = Buffer.from('00000000000000000000ffff', 'hex');

/** In 4 bytes, if it is a v4 address in 16. */
export function unmapped(addr: Uint8Array): Uint8Array {
  const isMapped = addr.length === 16 && V4_IN_V6.compare(addr, 0, 12) === 0;
  return isMapped ? addr.subarray(12) : addr;
}

/** Canonical text (RFC 5952 for v6); undefined for what is no address. */
export function addressText(addr: Uint8Array): string | undefined {
  const bytes = unmapped(addr);
  if (bytes.length === 4) return `${bytes[0]}.${bytes[1]}.${bytes[2]}.${bytes[3]}`;
  return bytes.length === 16 ? v6Text(bytes) : undefined;
}

/** In 4 or 16 bytes, v4 always in 4; a zone (`%eth0`) is left out. Undefined for what is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  const [bare = ''] = text.split('%');
  const family = isIP(bare);
  if (family === 4) return Uint8Array.from(bare.split('.'), Number);
  return family === 6 ? unmapped(v6Bytes(bare)) : undefined;
}

/** As addressBytes of what the system gave. Throws a RangeError for anything else. */
export function endpointOf(address: string, port: number): Endpoint {
  const addr = addressBytes(address);
  if (addr === undefined) throw new RangeError(`not an address: ${address}`);
  return { addr, port };
}

/** `192.0.2.1:7946`, `[2001:db8::1]:7946`. */
export function endpointText({ addr, port }: Endpoint): string {
  const text = addressText(addr) ?? `0x${Buffer.from(addr).toString('hex')}`;
  return text.includes(':') ? `[${text}]:${port}` : `${text}:${port}`;
}

export function isUnspecified(addr: Uint8Array): boolean {
  return unmapped(addr).every((byte) => byte === 0);
}

/** fe80::/10: says nothing without a zone. */
export function isLinkLocal(addr: Uint8Array): boolean {
  return addr.length === 16 && addr[0] === 0xfe && ((addr[1] ?? 0) & 0xc0) === 0x80;
}

function v6Text(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  // The first of the longest runs of two zero groups or more is left out.
  const [run] = [...groups.join(':').matchAll(/\b0(?::0)+\b/g)].sort(
    (a, b) => b[0].length - a[0].length,
  );
  if (run === undefined) return groups.join(':');
  const zeros = (run[0].length + 1) / 2;
  const start = groups.join(':').slice(0, run.index).split(':').length - 1;
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + zeros).join(':')}`;
}

function v6Bytes(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const start = groupBytes(head);
  const end = groupBytes(tail ?? '');
  const bytes = new Uint8Array(16);
  bytes.set(start);
  bytes.set(end, 16 - end.length);
  return bytes;
}

function groupBytes(groups: string): number[] {
  if (groups === '') return [];
  return groups.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
