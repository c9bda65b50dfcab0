/**
 * A network that users have made, as it stands in etcd at `<prefix>/networks/NAME`: values ↔ JSON. The network
 * `default`, whose subnets are leased, has no definition. Pure.
 */
import * as v from 'valibot';
import { isNetwork } from '../../controlplane/names/index.ts';
import { parseAddress, type Address, type Family } from '../ip/address.ts';
import { familyOfPrefix, parsePrefix, type Prefix } from '../ip/prefix.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import type { Parsed } from '../subnet/parsed.ts';
import { problemOfSubnet, type NetworkSubnet } from './subnet.ts';

/** The network that every host has; its subnets are leased. */
export const DEFAULT_NETWORK = 'default';

export interface NetworkDefinition {
  /** 16 hexadecimal digits, which whoever creates it chooses: the same id again is the same network. */
  readonly id: string;
  /** One label (controlplane/names), and not `default`. */
  readonly name: string;
  /** VXLAN's network identifier: 24 bits (RFC 7348, section 5), no other network's. */
  readonly vni: number;
  /** At least one of the two. */
  readonly subnets: PerFamily<NetworkSubnet>;
  /** Nothing is forwarded out of it or into it. */
  readonly internal: boolean;
  /** Between hosts it goes through WireGuard or not at all. */
  readonly encrypted: boolean;
  /** Multicast and broadcast reach the hosts that have endpoints in it. */
  readonly multicast: boolean;
  /** In bytes; undefined: as large as the underlay allows. */
  readonly mtu: number | undefined;
  /** Of the names in it, in seconds; undefined: as --dns-ttl has it. */
  readonly dnsTtl: number | undefined;
  readonly labels: ReadonlyMap<string, string>;
  readonly created: Date;
}

export const NETWORK_ID = /^[0-9a-f]{16}$/;
export const VNI_LIMIT = 2 ** 24 - 1;
/** Bytes of a whole definition; with the limits below only labels come near it. */
export const TEXT_LIMIT = 16_384;
export const LABEL_LIMIT = 64;
/** The least is what each family must carry: RFC 791, section 3.1, and RFC 8200, section 5. */
const MTU = { 4: 576, 6: 1280, most: 65_535 } as const;
/** RFC 2181, section 8. In seconds. */
const TTL_LIMIT = 2 ** 31 - 1;
/** Characters of a label's key. */
const LABEL_KEY = /^[^\s=\p{Cc}]{1,128}$/u;
const LABEL_TEXT_LIMIT = 1024;

const AddressText = v.pipe(
  v.string('not text'),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): Address => {
    const address = parseAddress(value);
    if (address !== undefined) return address;
    addIssue({ message: 'not an address' });
    return NEVER;
  }),
);
const PrefixText = v.pipe(
  v.string('not text'),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): Prefix => {
    const prefix = parsePrefix(value);
    if (prefix !== undefined) return prefix;
    addIssue({ message: 'not a prefix' });
    return NEVER;
  }),
);
/** As a map: an object's keys may be names that every object has. */
const mapOf = <T>(value: v.GenericSchema<unknown, T>) =>
  v.pipe(
    v.custom<Readonly<Record<string, unknown>>>(
      (input) => typeof input === 'object' && input !== null && !Array.isArray(input),
      'not an object',
    ),
    v.transform((object) => new Map(Object.entries(object))),
    v.map(v.string(), value),
  );
const Switch = v.optional(v.boolean('not true or false'), false);
/** Fields that it does not name are those of a later weft, and may be ignored; else the version is another one. */
const Text = v.object(
  {
    version: v.literal(1, 'not 1: it was written by a later weft'),
    id: v.string('not text'),
    name: v.string('not text'),
    vni: v.number('not a number'),
    subnets: v.array(
      v.object(
        {
          subnet: PrefixText,
          gateway: AddressText,
          range: v.optional(PrefixText),
          aux: v.optional(mapOf(AddressText)),
        },
        'not an object',
      ),
      'not a list',
    ),
    internal: Switch,
    encrypted: Switch,
    multicast: Switch,
    mtu: v.optional(v.number('not a number')),
    dnsTtl: v.optional(v.number('not a number')),
    labels: v.optional(mapOf(v.string('not text'))),
    created: v.pipe(v.string('not text'), v.isoTimestamp('not a time')),
  },
  'not an object',
);

/** The text of a definition in which problemOf finds nothing. */
export function formatDefinition({ subnets, labels, created, ...rest }: NetworkDefinition): string {
  const listed = Object.values(subnets).map(({ subnet, gateway, range, aux }) => ({
    subnet,
    gateway,
    range: range === subnet ? undefined : range,
    aux: Object.fromEntries(aux),
  }));
  const flat = {
    version: 1,
    ...rest,
    subnets: listed,
    labels: Object.fromEntries(labels),
    created,
  };
  return JSON.stringify(flat);
}

/** The definition in `text`, of the network whose key says that it is called `name`. */
export function parseDefinition(name: string, text: string): Parsed<NetworkDefinition> {
  if (text.length > TEXT_LIMIT) return { reason: tooLong(text.length) };
  const json = jsonIn(text);
  if (json === undefined) return { reason: 'not JSON' };
  const parsed = v.safeParse(Text, json, { abortEarly: true });
  if (!parsed.success) return { reason: said(parsed.issues[0]) };
  const { version: _, subnets, labels, created, mtu, dnsTtl, ...rest } = parsed.output;
  if (rest.name !== name) return { reason: `name is ${quoted(rest.name)}, unlike the key's` };
  const of = (family: Family): NetworkSubnet[] =>
    subnets
      .filter(({ subnet }) => familyOfPrefix(subnet) === family)
      .map(({ subnet, gateway, range = subnet, aux = new Map() }) => ({
        subnet,
        gateway,
        range,
        aux,
      }));
  const [v4, v6] = [of(4), of(6)];
  if (v4.length > 1 || v6.length > 1) return { reason: 'there are two subnets of one family' };
  const definition = {
    ...rest,
    subnets: perFamily(v4[0], v6[0]),
    mtu,
    dnsTtl,
    labels: labels ?? new Map<string, string>(),
    created: new Date(created),
  };
  const reason = problemOf(definition);
  return reason === undefined ? { value: definition } : { reason };
}

/** What does not hold of a definition, in one clause that says what would; undefined: nothing. */
export function problemOf(definition: NetworkDefinition): string | undefined {
  const { id, name, vni, subnets } = definition;
  if (!NETWORK_ID.test(id)) return `a network's id is 16 hexadecimal digits, not ${quoted(id)}`;
  if (!isNetwork(name) || name === DEFAULT_NETWORK)
    return `a network's name is letters, digits and hyphens, in lower case, and neither "host" nor "${DEFAULT_NETWORK}", unlike ${quoted(name)}`;
  if (!isWithin(vni, 1, VNI_LIMIT)) return `a VNI is 1 to ${VNI_LIMIT}, not ${vni}`;
  if (subnets[4] === undefined && subnets[6] === undefined)
    return 'a network has at least one subnet';
  return (
    ([4, 6] as const)
      .map((family) => problemOfFamily(family, subnets[family]))
      .find((problem) => problem !== undefined) ?? problemOfOptions(definition)
  );
}

function problemOfFamily(family: Family, subnet: NetworkSubnet | undefined): string | undefined {
  if (subnet === undefined) return undefined;
  if (familyOfPrefix(subnet.subnet) !== family) return `${subnet.subnet} is not of IPv${family}`;
  return problemOfSubnet(subnet);
}

function problemOfOptions(definition: NetworkDefinition): string | undefined {
  const { subnets, mtu, dnsTtl, labels, created } = definition;
  const least = subnets[6] === undefined ? MTU[4] : MTU[6];
  if (mtu !== undefined && !isWithin(mtu, least, MTU.most))
    return `the MTU of this network is ${least} to ${MTU.most}, not ${mtu}`;
  if (dnsTtl !== undefined && !isWithin(dnsTtl, 0, TTL_LIMIT))
    return `a TTL is 0 to ${TTL_LIMIT} seconds, not ${dnsTtl}`;
  if (labels.size > LABEL_LIMIT) return `a network has ${LABEL_LIMIT} labels at most`;
  for (const [key, value] of labels) {
    if (!LABEL_KEY.test(key))
      return `a label's key is 1 to 128 characters without blanks and =, not ${quoted(key)}`;
    if (value.length > LABEL_TEXT_LIMIT)
      return `the label ${key} is ${value.length} characters, but may be ${LABEL_TEXT_LIMIT}`;
  }
  if (Number.isNaN(created.getTime())) return 'the time of its creation is none';
  const { length } = formatDefinition(definition);
  return length > TEXT_LIMIT ? tooLong(length) : undefined;
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

function tooLong(length: number): string {
  return `a network's definition is ${TEXT_LIMIT} characters at most, this one ${length}`;
}

function said(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (path === null) return issue.message;
  return issue.input === undefined
    ? `${path} is missing`
    : `${path} is ${quoted(issue.input)}, ${issue.message}`;
}

/** A value as JSON, short enough for a sentence. */
function quoted(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
