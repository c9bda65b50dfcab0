/** The types a setting can have: how each is read from text, written in TOML, and shown. */
import { posix } from 'node:path';
import * as v from 'valibot';
import { familyOf, parseAddress, type Address, type Family } from '../ip/address.ts';
import { parsePool } from '../ip/pool.ts';
import { formatHostPort, parseHostPort, socketAddress as joined } from '../ip/socket-address.ts';

export interface ValueType<T> {
  /** Stands for the value in `--help`; empty for a boolean, which takes no word of its own. */
  readonly placeholder: string;
  /** What is wanted, to follow "give": `a whole number from 1 to 9`. */
  readonly wanted: string;
  /** Undefined when `text` is not such a value. */
  parse(text: string): T | undefined;
  /** parse(format(value)) is value. */
  format(value: T): string;
  /** What the file may hold, transformed into the texts that `parse` takes. */
  readonly toml: v.GenericSchema<unknown, string[]>;
}

const tomlString = v.pipe(
  v.string(),
  v.transform((text) => [text]),
);
const tomlStrings = v.union([tomlString, v.array(v.string())]);

export const boolean: ValueType<boolean> = {
  placeholder: '',
  wanted: 'true or false',
  parse: (text) => BOOLEANS.get(text),
  format: String,
  toml: v.pipe(
    v.boolean(),
    v.transform((value) => [String(value)]),
  ),
};

/** As Go's strconv.ParseBool takes them. */
const BOOLEANS = new Map([
  ...['1', 't', 'T', 'true', 'TRUE', 'True'].map((text) => [text, true] as const),
  ...['0', 'f', 'F', 'false', 'FALSE', 'False'].map((text) => [text, false] as const),
]);

export function integer(min: number, max: number): ValueType<number> {
  return {
    placeholder: 'NUMBER',
    wanted: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = Number(text);
      return /^\d{1,9}$/.test(text) && value >= min && value <= max ? value : undefined;
    },
    format: String,
    toml: v.pipe(
      v.union([v.number(), v.bigint()]),
      v.transform((value) => [String(value)]),
    ),
  };
}

/** In ms. */
const UNITS = new Map([
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
]);

/** In ms, and not shorter than `least`; or, unless that is excluded, 0, also without a unit. */
export function duration(least: number, or0 = true): ValueType<number> {
  return {
    placeholder: 'TIME',
    wanted: `a whole number with d, h, m or s after it, as 30d, of ${timeText(least)} at least${or0 ? ', or 0' : ''}`,
    parse: (text) => {
      const [, number = '', unit = ''] = /^(\d{1,6})([dhms])$/.exec(text) ?? [];
      if (text === '0' && or0) return 0;
      const ms = number === '' ? undefined : Number(number) * (UNITS.get(unit) ?? 0);
      return ms === undefined || ((ms !== 0 || !or0) && ms < least) ? undefined : ms;
    },
    format: timeText,
    toml: tomlString,
  };
}

function timeText(ms: number): string {
  const [unit, size] = [...UNITS].find(([, size]) => ms % size === 0) ?? ['s', 1000];
  return ms === 0 ? '0' : `${ms / size}${unit}`;
}

/** Any text without control characters, which no name, path or pattern of ours holds. */
export function text(placeholder: string, wanted = 'text without control characters') {
  return textWhere(placeholder, wanted, () => true);
}

function textWhere(
  placeholder: string,
  wanted: string,
  accepts: (text: string) => boolean,
): ValueType<string> {
  return {
    placeholder,
    wanted,
    parse: (text) =>
      text !== '' && !/[\u0000-\u001f\u007f]/.test(text) && accepts(text) ? text : undefined,
    format: (value) => value,
    toml: tomlString,
  };
}

export const path = text('FILE', 'a path');
export const absolutePath = textWhere('PATH', 'an absolute path', (text) => text.startsWith('/'));

/** sun_path of sockaddr_un holds 108 bytes, the closing zero included (linux/un.h). */
const SOCKET_PATH_BYTES = 107;
export const socketPath = textWhere(
  'PATH',
  `an absolute path of at most ${SOCKET_PATH_BYTES} bytes`,
  (text) => text.startsWith('/') && Buffer.byteLength(text) <= SOCKET_PATH_BYTES,
);

export function choice<const T extends string>(values: readonly T[]): ValueType<T> {
  return {
    placeholder: values.join('|'),
    wanted: `one of ${values.join(', ')}`,
    parse: (text) => values.find((value) => value === text),
    format: (value) => value,
    toml: tomlString,
  };
}

export function ipAddress(...families: Family[]): ValueType<Address> {
  const wanted = families.map((family) => `IPv${family}`).join(' or ');
  return {
    placeholder: 'ADDRESS',
    wanted: `an ${wanted} address`,
    parse: (text) => {
      const address = parseAddress(text);
      return address !== undefined && families.includes(familyOf(address)) ? address : undefined;
    },
    format: (value) => value,
    toml: tomlString,
  };
}

/** As newer Serf agents ask of each other. */
export const memberName = textWhere('NAME', 'up to 128 letters, digits, dots and dashes', (text) =>
  /^[A-Za-z0-9.-]{1,128}$/.test(text),
);

export const hostAndPort = textWhere(
  'HOST[:PORT]',
  'a host name or address, with :PORT if it is not that of --gossip-port; IPv6 with a port in brackets',
  (text) => parseHostPort(text) !== undefined,
);

/** An address, and a port if one is given. */
export const socketAddress: ValueType<{ readonly address: Address; readonly port?: number }> = {
  placeholder: 'ADDRESS[:PORT]',
  wanted: 'an address, with :PORT if it is not that of --gossip-port; IPv6 with a port in brackets',
  parse: (text) => {
    const parsed = parseHostPort(text);
    const address = parsed === undefined ? undefined : parseAddress(parsed.host);
    if (parsed === undefined || address === undefined) return undefined;
    return parsed.port === undefined ? { address } : { address, port: parsed.port };
  },
  format: ({ address, port }) =>
    port === undefined ? address : formatHostPort({ host: address, port }),
  toml: tomlString,
};

const DNS_PORT = 53;

/** An address, with a port always. */
export const dnsServer: ValueType<string> = {
  placeholder: 'ADDRESS[:PORT]',
  wanted: 'an address, with :PORT if it is not 53; IPv6 with a port in brackets',
  parse: (text) => {
    const { address, port = DNS_PORT } = socketAddress.parse(text) ?? {};
    return address === undefined ? undefined : joined(address, port);
  },
  format: (value) => value,
  toml: tomlString,
};

/** Labels of RFC 1123, in lower case; short enough for names before it. */
export const domainName = textWhere(
  'DOMAIN',
  'letters, digits and dashes in lower case, with dots between labels, up to 100 characters',
  (text) =>
    /^(?=.{1,100}$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/.test(
      text,
    ),
);

/** Keys are joined to it as flanneld does, with path cleaning; the root is the empty text. */
export const keyPrefix: ValueType<string> = {
  placeholder: 'KEY',
  wanted: 'an etcd key like /coreos.com/network',
  parse: (text) => {
    if (text === '' || /[\u0000-\u0020\u007f]/.test(text)) return undefined;
    return posix.normalize(text).replace(/\/$/, '');
  },
  format: (value) => (value === '' ? '/' : value),
  toml: tomlString,
};

/** One text holds several, separated by commas. */
export const endpoints: ValueType<readonly string[]> = {
  placeholder: 'URL,URL…',
  wanted: 'URLs like http://127.0.0.1:2379, separated by commas, without user, path or query',
  parse: (text) => {
    const urls = text.split(',').map((part) => endpoint(part.trim()));
    return urls.every((url) => url !== undefined) ? urls : undefined;
  },
  format: (value) => value.join(','),
  toml: v.pipe(
    tomlStrings,
    v.transform((texts) => [texts.join(',')]),
  ),
};

const ENDPOINT = /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?\/?$/;
/** IANA's port for etcd clients. */
const ETCD_PORT = '2379';

function endpoint(text: string): string | undefined {
  const [, scheme = 'http', host, port = ETCD_PORT] = ENDPOINT.exec(text) ?? [];
  if (host === undefined || Number(port) < 1 || Number(port) > 65_535) return undefined;
  if (host.startsWith('[') && parseAddress(host.slice(1, -1)) === undefined) return undefined;
  return `${scheme}://${host}:${Number(port)}`;
}

/** The flag may be given again and again; in the file it is an array. */
export function repeated(one: ValueType<string>): ValueType<readonly string[]> {
  return {
    placeholder: one.placeholder,
    wanted: one.wanted,
    parse: (text) => {
      const value = one.parse(text);
      return value === undefined ? undefined : [value];
    },
    format: (value) => value.join(' '),
    toml: tomlStrings,
  };
}

export const poolText = textWhere(
  'PREFIX:LENGTH',
  'a prefix and the length of the subnets in it, as 172.16.0.0/12:24',
  (source) => parsePool(source) !== undefined,
);

export const interfacePattern = textWhere(
  'REGEX',
  'a regular expression',
  (source) => compilePattern(source) !== undefined,
);

/** Undefined when it does not compile. RE2's leading `(?i)`, which flanneld's users write, is JavaScript's flag i. */
export function compilePattern(source: string): RegExp | undefined {
  const ignoreCase = source.startsWith('(?i)');
  try {
    return new RegExp(ignoreCase ? source.slice(4) : source, ignoreCase ? 'i' : '');
  } catch {
    return undefined;
  }
}
