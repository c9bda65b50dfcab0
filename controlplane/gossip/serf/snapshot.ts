/** What a member keeps over a restart: whom it knew, and what it has heard already. */
import type { Endpoint } from '../effects.ts';

/** The most endpoints kept, alive ones before others. */
export const REMEMBERED_LIMIT = 4_096;

/** Plain data, ready for JSON. */
export interface Remembered {
  readonly version: 1;
  /** Whether we left on purpose; then nobody is joined again at the start. */
  readonly left: boolean;
  /** The last Lamport times heard, in decimal: events and queries up to there are old. */
  readonly clocks: { readonly member: string; readonly event: string; readonly query: string };
  /** Members to try, `addr` in hexadecimal. */
  readonly members: readonly RememberedMember[];
}

export interface RememberedMember {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
}

export interface KnownEndpoint extends Endpoint {
  readonly name: string;
}

export type ParsedRemembered =
  | { readonly ok: true; readonly remembered: Remembered }
  | { readonly ok: false; readonly problem: string };

/** The door for what was read from a file: unknown data, as JSON.parse gives it. */
export function parseRemembered(value: unknown): ParsedRemembered {
  if (!isObject(value)) return failed('is not an object');
  if (value['version'] !== 1) return failed('is of a version that is not known here');
  const { left, clocks, members } = value as Partial<Record<keyof Remembered, unknown>>;
  if (typeof left !== 'boolean') return failed('does not say whether we left');
  if (!isClocks(clocks)) return failed('has no clocks');
  if (!Array.isArray(members) || members.length > REMEMBERED_LIMIT || !members.every(isMember))
    return failed(`has no list of at most ${REMEMBERED_LIMIT} members with an address each`);
  return {
    ok: true,
    remembered: {
      version: 1,
      left,
      clocks: { member: clocks.member, event: clocks.event, query: clocks.query },
      members: members.map(({ name, addr, port }) => ({ name, addr, port })),
    },
  };
}

export function rememberedMember({ name, addr, port }: KnownEndpoint): RememberedMember {
  return { name, addr: Buffer.from(addr).toString('hex'), port };
}

export function endpointOf({ name, addr, port }: RememberedMember): KnownEndpoint {
  return { name, addr: new Uint8Array(Buffer.from(addr, 'hex')), port };
}

function isClocks(value: unknown): value is Remembered['clocks'] {
  return (
    isObject(value) && ['member', 'event', 'query'].every((clock) => isLamportTime(value[clock]))
  );
}

/** As lamport.ts bounds them: 63 bits. */
function isLamportTime(value: unknown): boolean {
  return typeof value === 'string' && /^\d{1,19}$/.test(value) && BigInt(value) < 2n ** 63n;
}

function isMember(value: unknown): value is RememberedMember {
  if (!isObject(value)) return false;
  const { name, addr, port } = value as Partial<Record<keyof RememberedMember, unknown>>;
  return (
    typeof name === 'string' &&
    typeof addr === 'string' &&
    /^([0-9a-f]{8}|[0-9a-f]{32})$/.test(addr) &&
    typeof port === 'number' &&
    Number.isInteger(port) &&
    port > 0 &&
    port <= 0xffff
  );
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failed(problem: string): ParsedRemembered {
  return { ok: false, problem: `the snapshot ${problem}: remove it to start without one` };
}
