/** The network configuration at `<prefix>/config`: flannel's JSON, its defaults and its checks. */
import {
  addressFromInteger,
  addressToInteger,
  FAMILIES,
  familyOf,
  parseAddress,
  type Address,
  type Family,
} from '../ip/address.ts';
import {
  baseOf,
  containsAddress,
  familyOfPrefix,
  lengthOf,
  parsePrefix,
  prefixOf,
  rangeOf,
  type Prefix,
} from '../ip/prefix.ts';
import type { NetworkConfig, SubnetRange } from '../state/facts.ts';
import { fieldsOf, isObject, isRefused, parseObject, type Fields, type Parsed } from './parsed.ts';

/** What differs between the families: field names, and the lengths flannel allows and defaults to. */
const RULES = {
  4: {
    prefix: '',
    enable: 'EnableIPv4',
    enabled: true,
    network: 'Network',
    usual: 24,
    longest: 30,
    smallest: 28,
  },
  6: {
    prefix: 'IPv6',
    enable: 'EnableIPv6',
    enabled: false,
    network: 'IPv6Network',
    usual: 64,
    longest: 126,
    smallest: 124,
  },
} as const;

/** The type of a configuration without `Backend`: flannel's documentation says vxlan, its code does this. */
const DEFAULT_BACKEND = 'udp';

/**
 * The configuration in `text`, defaults filled in. The reason of a refusal is a whole sentence that names
 * `key` (the etcd key it was read from) and the field.
 */
export function parseNetworkConfig(text: string, key: string): Parsed<NetworkConfig> {
  const fields = parseObject(text);
  if (isRefused(fields)) return { reason: `${key} is ${fields.reason}` };
  try {
    return { value: configFrom(fields.value) };
  } catch (cause) {
    if (cause instanceof Refusal) return { reason: `${key}: ${cause.message}` };
    throw cause;
  }
}

/** Unwinds the reading of one configuration; never leaves this file. */
class Refusal extends Error {}

function configFrom(fields: Fields): NetworkConfig {
  const ranges: Partial<Record<Family, SubnetRange>> = {};
  for (const family of [4, 6] as const) {
    const { enable, enabled } = RULES[family];
    if (booleanField(fields, enable, enabled)) ranges[family] = rangeFrom(fields, family);
  }
  if (ranges[4] === undefined && ranges[6] === undefined)
    throw new Refusal('EnableIPv4 and EnableIPv6 are both false; turn one on');
  const backend = backendFrom(fields.get('backend') ?? undefined);
  return isForced(fields) ? { ranges, backend, isForced: true } : { ranges, backend };
}

/** `"Weft":{"Force":true}`, which flanneld does not read. */
function isForced(fields: Fields): boolean {
  const weft = fields.get('weft') ?? {};
  if (!isObject(weft)) throw new Refusal(`Weft is ${shown(weft)}, not an object`);
  return booleanField(fieldsOf(weft), 'Force', false);
}

function rangeFrom(fields: Fields, family: Family): SubnetRange {
  const rules = RULES[family];
  const network = networkField(fields, family);
  const length = lengthField(fields, family, lengthOf(network));
  const { first, last } = rangeOf(network);
  const size = 1n << BigInt(FAMILIES[family].bits - length);
  const min = boundField(fields, `${rules.prefix}SubnetMin`, network, length);
  const max = boundField(fields, `${rules.prefix}SubnetMax`, network, length);
  return {
    network,
    subnetLength: length,
    first: min ?? addressFromInteger(first + size, family),
    last: max ?? addressFromInteger(last - size + 1n, family),
  };
}

function networkField(fields: Fields, family: Family): Prefix {
  const name = RULES[family].network;
  const value = fields.get(name.toLowerCase());
  if (value === undefined) throw new Refusal(`${name} is missing; IPv${family} is on and needs it`);
  const network = typeof value === 'string' ? parsePrefix(value) : undefined;
  if (network === undefined || familyOfPrefix(network) !== family)
    throw new Refusal(
      `${name} is ${shown(value)}, not an IPv${family} network such as ${EXAMPLE[family]}`,
    );
  return network;
}

const EXAMPLE = { 4: '10.5.0.0/16', 6: 'fd00:5::/48' } as const;

function lengthField(fields: Fields, family: Family, networkLength: number): number {
  const { prefix, usual, longest, smallest } = RULES[family];
  const name = `${prefix}SubnetLen`;
  const value = fields.get(name.toLowerCase()) ?? 0;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new Refusal(`${name} is ${shown(value)}, not a prefix length`);
  if (value === 0) {
    if (networkLength > smallest)
      throw new Refusal(
        `${RULES[family].network} is smaller than /${smallest}, too small to divide`,
      );
    return networkLength <= usual - 2 ? usual : networkLength + 2;
  }
  if (value > longest || value < networkLength + 2)
    throw new Refusal(
      `${name} is ${value}, but must lie from ${networkLength + 2} (two bits more than the network) to ${longest}`,
    );
  return value;
}

/** Undefined when unset, which the zero address means too. */
function boundField(
  fields: Fields,
  name: string,
  network: Prefix,
  length: number,
): Address | undefined {
  const value = fields.get(name.toLowerCase());
  if (value === undefined) return undefined;
  const bound = typeof value === 'string' ? parseAddress(value) : undefined;
  const family = familyOfPrefix(network);
  if (bound === undefined || familyOf(bound) !== family)
    throw new Refusal(`${name} is ${shown(value)}, not an IPv${family} address`);
  if (addressToInteger(bound) === 0n) return undefined;
  if (!containsAddress(network, bound))
    throw new Refusal(`${name} is ${bound}, outside the network ${network}`);
  const aligned = baseOf(prefixOf(bound, length));
  if (aligned !== bound)
    throw new Refusal(
      `${name} is ${bound}, inside a /${length} subnet; its first address is ${aligned}`,
    );
  return bound;
}

function booleanField(fields: Fields, name: string, otherwise: boolean): boolean {
  const value = fields.get(name.toLowerCase()) ?? otherwise;
  if (typeof value !== 'boolean')
    throw new Refusal(`${name} is ${shown(value)}, not true or false`);
  return value;
}

function backendFrom(backend: unknown): NetworkConfig['backend'] {
  if (backend === undefined) return { type: DEFAULT_BACKEND, options: {} };
  if (!isObject(backend)) throw new Refusal(`Backend is ${shown(backend)}, not an object`);
  const type = fieldsOf(backend).get('type');
  if (typeof type !== 'string' || type === '')
    throw new Refusal('Backend has no Type; give one, such as "vxlan"');
  return { type: type.toLowerCase(), options: backend };
}

/** A value as JSON, short enough for a sentence. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
