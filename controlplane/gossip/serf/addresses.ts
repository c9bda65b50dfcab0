/** Endpoints to compare. Elsewhere their bytes stay as they came. */
import type { Endpoint } from '../effects.ts';

const V4_IN_V6 = '00000000000000000000ffff';

/** The same for a v4 address in 4 and in 16 bytes. */
export function endpointKey({ addr, port }: Endpoint): string {
  const hex = Buffer.from(addr).toString('hex');
  return `${hex.startsWith(V4_IN_V6) ? hex.slice(V4_IN_V6.length) : hex}:${port}`;
}

export function isSameEndpoint(a: Endpoint, b: Endpoint): boolean {
  return endpointKey(a) === endpointKey(b);
}

/** Whether a packet can be sent there. */
export function isEndpoint({ addr: { length }, port }: Endpoint): boolean {
  return (length === 4 || length === 16) && port > 0;
}
