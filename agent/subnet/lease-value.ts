/** The value of a lease key: flannel's JSON, with weft's own field last, which flannel ignores. */
import { address, familyOf, parseAddress, type Address } from '../ip/address.ts';
import { parseSocketAddress, type SocketAddress } from '../ip/socket-address.ts';
import { perFamily, type Detour, type Lease } from '../state/facts.ts';
import { parsePublicKey } from '../state/wireguard.ts';
import { fieldsOf, isObject, isRefused, parseObject, type Fields, type Parsed } from './parsed.ts';

/** A lease without its subnets, which stand in the key. */
export type LeaseAttributes = Omit<Lease, 'subnets'>;

/** Longest value read, in characters; flannel's are under 500. A longer one is refused unread. */
const SIZE_LIMIT = 64 * 1024;
/** Most `{` and `[` in a value: it is compared and written back recursively. Beyond it is refused. */
const BRACKET_LIMIT = 1000;
const UNSET = address('0.0.0.0');

/** The attributes in `text`, or why it is refused. Field names in any case; unknown fields are ignored. */
export function parseLeaseValue(text: string): Parsed<LeaseAttributes> {
  if (text.length > SIZE_LIMIT)
    return { reason: `the value is longer than ${SIZE_LIMIT / 1024} KiB` };
  if (text.split(/[[{]/).length > BRACKET_LIMIT)
    return { reason: 'the value is too deeply nested' };
  const fields = parseObject(text);
  if (isRefused(fields)) return { reason: `the value is ${fields.reason}` };
  return attributesFrom(fields.value);
}

function attributesFrom(fields: Fields): Parsed<LeaseAttributes> {
  const v4 = fields.has('publicip') ? addressField(fields.get('publicip'), 4) : UNSET;
  if (v4 === undefined) return { reason: 'PublicIP is not a dotted quad' };
  const v6 = addressField(fields.get('publicipv6') ?? undefined, 6);
  if (v6 === undefined && (fields.get('publicipv6') ?? undefined) !== undefined)
    return { reason: 'PublicIPv6 is not an IPv6 address' };
  const backendType = fields.get('backendtype') ?? '';
  if (typeof backendType !== 'string') return { reason: 'BackendType is not a string' };
  const weft = fields.get('weft');
  const ours = isObject(weft) ? fieldsOf(weft) : undefined;
  return {
    value: {
      publicAddresses: perFamily(v4 === UNSET ? undefined : v4, v6),
      backendType,
      ...given('backendData', fields.get('backenddata')),
      ...given('backendV6Data', fields.get('backendv6data')),
      ...given('node', nodeIn(ours)),
      ...given('gossip', gossipIn(ours)),
      ...given('detour', detourIn(ours)),
    },
  };
}

/** The field as part of an object; nothing when it is absent or null. */
function given<N extends string, T>(name: N, value: T): Partial<Record<N, NonNullable<T>>> {
  const field = { [name]: value } as Record<N, NonNullable<T>>;
  return value === undefined || value === null ? {} : field;
}

function addressField(value: unknown, family: 4 | 6): Address | undefined {
  const address = typeof value === 'string' ? parseAddress(value) : undefined;
  return address !== undefined && familyOf(address) === family ? address : undefined;
}

/** Our own field is no part of flannel's contract: if it makes no sense, the lease is simply not a weft host's. */
function nodeIn(ours: Fields | undefined): string | undefined {
  const node = ours?.get('node');
  return typeof node === 'string' && node !== '' ? node : undefined;
}

/** Without a node the lease is not a weft host's. */
function gossipIn(ours: Fields | undefined): SocketAddress | undefined {
  const text = nodeIn(ours) === undefined ? undefined : ours?.get('gossip');
  return typeof text === 'string' ? parseSocketAddress(text) : undefined;
}

function detourIn(ours: Fields | undefined): Detour | undefined {
  const detour = nodeIn(ours) === undefined ? undefined : ours?.get('detour');
  if (!isObject(detour)) return undefined;
  const fields = fieldsOf(detour);
  const publicKey = parsePublicKey(fields.get('publickey'));
  const ports = perFamily(portIn(fields.get('port')), portIn(fields.get('portv6')));
  return publicKey === undefined ? undefined : { publicKey, ports };
}

function portIn(value: unknown): number | undefined {
  const isPort = typeof value === 'number' && Number.isInteger(value) && value > 0;
  return isPort && value <= 65_535 ? value : undefined;
}

/**
 * The bytes flannel would write, compact and in its field order; then, if the lease has a node,
 * `"Weft":{"Node":…,"Gossip":"ADDRESS:PORT","Detour":{"PublicKey":…,"Port":…,"PortV6":…}}`.
 */
export function formatLeaseValue(attributes: LeaseAttributes): string {
  const { publicAddresses, backendType, backendData, backendV6Data, node } = attributes;
  const value = {
    PublicIP: publicAddresses[4] ?? UNSET,
    PublicIPv6: publicAddresses[6] ?? null,
    BackendType: backendType === '' ? undefined : backendType,
    BackendData: backendData,
    BackendV6Data: backendV6Data,
    Weft: node === undefined ? undefined : ourField(attributes),
  };
  return JSON.stringify(value).replaceAll(ESCAPED_BY_GO, escape);
}

function ourField({ node, gossip, detour }: LeaseAttributes): object {
  const Detour = detour && {
    PublicKey: detour.publicKey,
    Port: detour.ports[4],
    PortV6: detour.ports[6],
  };
  return { Node: node, Gossip: gossip, Detour };
}

/** What Go's encoding/json escapes and JavaScript does not; outside strings JSON has none of these. */
const ESCAPED_BY_GO = /[<>&\u2028\u2029]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
