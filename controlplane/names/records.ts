/**
 * The door of what hosts say of endpoints and names (proto/weft/v1/names.proto): values ↔ payloads of gossip records.
 * What is encoded was checked; whatever bytes come, nothing is thrown: they are a value or none.
 */
import protobuf from 'protobufjs/minimal.js';
import { addressText } from '../gossip/net/address.ts';
import { weft } from './generated/names.js';
import { isLabel, isName, isNetwork } from './label.ts';

const { v1 } = weft;

/** Kinds of gossip records. */
export const ENDPOINT_KIND = 'endpoint';
export const NAME_KIND = 'name';

/** Of one endpoint. The record table holds less anyway: a record takes 1,024 bytes. */
const ADDRESSES = 16;
const NAMES = 64;
const PORTS = 64;
const ID = /^[0-9a-f]{16}$/;
export const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;
/** RFC 2181, section 8: more is none. In seconds. */
const TTL_LIMIT = 2 ** 31 - 1;

export interface Endpoint {
  /** 16 hexadecimal digits; the key of its record. */
  readonly id: string;
  readonly network: string;
  /** 4 or 16 bytes each; at least one. */
  readonly addresses: readonly Uint8Array[];
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** The first is the answer to the reverse question. May be empty: then only the address is known. */
  readonly names: readonly string[];
  readonly ports: readonly NamedPort[];
  /** The host itself has joined the network. */
  readonly host: boolean;
}

export interface NamedPort {
  readonly name: string;
  readonly protocol: Protocol;
  /** 1 to 65,535. */
  readonly port: number;
}

export type Protocol = (typeof PROTOCOLS)[number];

/** A static record: one address of one name. */
export interface Name {
  readonly name: string;
  readonly network: string;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** In seconds; 0: do not keep it. */
  readonly ttl: number;
}

/** The key of its record: NETWORK/NAME/ADDRESS. */
export function keyOfName({ network, name, address }: Omit<Name, 'ttl'>): string {
  return `${network}/${name}/${addressText(address)}`;
}

/** Throws a RangeError, one sentence that names what does not hold. */
export function encodeEndpoint(endpoint: Endpoint): Uint8Array {
  refuse(problemOfEndpoint(endpoint));
  const { id, network, host } = endpoint;
  const [addresses, names] = [[...endpoint.addresses], [...endpoint.names]];
  const ports = endpoint.ports.map((port) => v1.NamedPort.create(port));
  const { mac } = endpoint;
  return v1.EndpointRecord.encode({ id, network, addresses, mac, names, ports, host }).finish();
}

/** Undefined for what is no endpoint, and for one of another key. */
export function decodeEndpoint(key: string, payload: Uint8Array): Endpoint | undefined {
  const wire = decoded(() => v1.EndpointRecord.decode(protobuf.Reader.create(payload)));
  if (wire === undefined || wire.id !== key) return undefined;
  const { id, network, names, host } = wire;
  const ports = wire.ports.map(({ name, protocol, port }) => ({ name, protocol, port }));
  const addresses = wire.addresses.map(copied);
  // Its protocols are strings until they are checked.
  const endpoint = { id, network, addresses, mac: copied(wire.mac), names, ports, host };
  return problemOfEndpoint(endpoint) === undefined ? (endpoint as Endpoint) : undefined;
}

/** Throws a RangeError, one sentence that names what does not hold. */
export function encodeName(record: Name): Uint8Array {
  refuse(problemOfName(record));
  const { name, network, address, ttl } = record;
  return v1.NameRecord.encode({ name, network, address, ttl }).finish();
}

/** Undefined for what is no static record, and for one of another key. */
export function decodeName(key: string, payload: Uint8Array): Name | undefined {
  const wire = decoded(() => v1.NameRecord.decode(protobuf.Reader.create(payload)));
  if (wire === undefined) return undefined;
  const { name, network, ttl } = wire;
  const record = { name, network, address: copied(wire.address), ttl };
  return problemOfName(record) === undefined && keyOfName(record) === key ? record : undefined;
}

/** As Endpoint, before its protocols are checked. */
type Unchecked = Omit<Endpoint, 'ports'> & {
  readonly ports: readonly (Omit<NamedPort, 'protocol'> & { readonly protocol: string })[];
};

function problemOfEndpoint(endpoint: Unchecked): string | undefined {
  const { id, network, addresses, mac, names, ports } = endpoint;
  if (!ID.test(id)) return `an endpoint's id is 16 hexadecimal digits, not ${quoted(id)}`;
  if (!isNetwork(network)) return badNetwork(network);
  if (addresses.length === 0) return 'an endpoint has at least one address';
  if (!addresses.every(isAddress)) return 'an address is 4 or 16 bytes';
  if (mac.length !== 6) return 'a MAC address is 6 bytes';
  const bad = names.find((name) => !isName(name));
  if (bad !== undefined) return badName(bad);
  const isTooMuch = addresses.length > ADDRESSES || names.length > NAMES || ports.length > PORTS;
  if (isTooMuch)
    return `an endpoint has at most ${ADDRESSES} addresses, ${NAMES} names and ${PORTS} named ports`;
  return ports.map(problemOfPort).find((problem) => problem !== undefined);
}

function problemOfPort({ name, protocol, port }: Unchecked['ports'][number]): string | undefined {
  if (!isLabel(name))
    return `a port's name is letters, digits and hyphens, in lower case, not ${quoted(name)}`;
  if (!PROTOCOLS.some((known) => known === protocol))
    return `a port's protocol is one of ${PROTOCOLS.join(', ')}, not ${quoted(protocol)}`;
  const isPort = Number.isInteger(port) && port > 0 && port < 65_536;
  return isPort ? undefined : `a port is 1 to 65535, not ${port}`;
}

function problemOfName({ name, network, address, ttl }: Name): string | undefined {
  if (!isName(name)) return badName(name);
  if (!isNetwork(network)) return badNetwork(network);
  if (!isAddress(address)) return 'an address is 4 or 16 bytes';
  const isTtl = Number.isInteger(ttl) && ttl >= 0 && ttl <= TTL_LIMIT;
  return isTtl ? undefined : `a TTL is 0 to ${TTL_LIMIT} seconds, not ${ttl}`;
}

function badName(name: string): string {
  return `a name is letters, digits and hyphens, in lower case, with dots between labels, not ${quoted(name)}`;
}

function badNetwork(network: string): string {
  return `a network's name is letters, digits and hyphens, in lower case, and not "host", unlike ${quoted(network)}`;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

function isAddress(bytes: Uint8Array): boolean {
  return bytes.length === 4 || bytes.length === 16;
}

function refuse(problem: string | undefined): void {
  if (problem !== undefined) throw new RangeError(problem);
}

/** What protobufjs decodes are views into the payload, which is part of a packet. */
function copied(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    // protobufjs throws Errors and RangeErrors of its own for anything malformed; we throw none.
    return undefined;
  }
}
