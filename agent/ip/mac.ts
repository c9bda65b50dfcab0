/** Ethernet addresses as values: six lower-case hex pairs joined by colons. */
export type Mac = string & { readonly __brand: 'Mac' };

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;

/** The address in canonical form, or undefined. Accepts either case; colons only, as Go's net.HardwareAddr prints it. */
export function parseMac(text: string): Mac | undefined {
  const lower = text.toLowerCase();
  return MAC.test(lower) ? (lower as Mac) : undefined;
}

/** For constants and tests: as parseMac, but throws a RangeError. */
export function mac(text: string): Mac {
  const parsed = parseMac(text);
  if (parsed === undefined) throw new RangeError(`not a MAC address: ${text}`);
  return parsed;
}

/** Unicast and not zero: what a VTEP may have. */
export function isUnicastMac(value: Mac): boolean {
  return (Number.parseInt(value.slice(0, 2), 16) & 1) === 0 && value !== '00:00:00:00:00:00';
}

/** From six or more bytes: made locally administered and unicast (IEEE 802, bits 1 and 0 of the first byte). */
export function localMac(bytes: Uint8Array): Mac {
  const own = [...bytes.subarray(0, 6)];
  own[0] = ((own[0] ?? 0) & 0xfe) | 0x02;
  return own.map(hex).join(':') as Mac;
}

export function writeMac(value: Mac, into: Uint8Array, offset: number): void {
  for (let i = 0; i < 6; i++) into[offset + i] = Number.parseInt(value.slice(i * 3, i * 3 + 2), 16);
}

export function macFromBytes(bytes: Uint8Array, offset = 0): Mac {
  return [...bytes.subarray(offset, offset + 6)].map(hex).join(':') as Mac;
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
