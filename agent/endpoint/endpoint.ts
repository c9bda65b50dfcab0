/** An endpoint: something with a network namespace, or the host itself, that has joined a network on this host. */
import * as v from 'valibot';
import {
  isName,
  isNetwork,
  parsePort,
  portText,
  type NamedPort,
} from '../../controlplane/names/index.ts';
import { familyOf, parseAddress, type Address } from '../ip/address.ts';
import { parseMac, type Mac } from '../ip/mac.ts';
import { perFamily, type PerFamily } from '../state/facts.ts';
import { LINK_NAME_LIMIT, type NamespaceFile } from '../state/veth.ts';

/**
 * attaching: begun; a start undoes it. attached: all of it stands. detaching: a start goes on with it. away: its
 * container has stopped; it is attached again when that is back, and has nothing meanwhile but this file.
 */
export const ENDPOINT_STATES = ['attaching', 'attached', 'detaching', 'away'] as const;
export type EndpointState = (typeof ENDPOINT_STATES)[number];

export interface Endpoint {
  /** 16 hexadecimal digits, which whoever attaches it chooses. */
  readonly id: string;
  readonly network: string;
  readonly state: EndpointState;
  /** As it was asked for: `netns:web`, `ctr:web`, `host`. */
  readonly target: string;
  /** As controlplane/names has them; the first is the answer to the reverse question. */
  readonly names: readonly string[];
  readonly addresses: PerFamily<Address>;
  /** Where its services are, by name. */
  readonly ports: readonly NamedPort[];
  /** Undefined: it is the host itself. */
  readonly place: Place | undefined;
  readonly since: Date;
}

/** Where it is, and what of the pair lies there. */
export interface Place {
  readonly namespace: NamespaceFile;
  /** Name of the link inside. */
  readonly link: string;
  readonly mac: Mac;
  /** Whether `mac` was asked for; else it follows from the address. */
  readonly ownMac: boolean;
  /** What the default route leads to; undefined: the gateway, unless there is a default route; none: there is none of ours. */
  readonly gateway: Address | 'none' | undefined;
  /** The id that the container's runtime has for it. */
  readonly container: string | undefined;
  /** Which runtime that is; undefined: none, or not known. */
  readonly runtime?: string | undefined;
  /** Undefined: none was written. */
  readonly resolver: Resolver | undefined;
  /** DNS answers on an address inside, too. */
  readonly dnsInside: boolean;
  readonly links: readonly NameLink[];
}

/** A name that this endpoint alone has for another. */
export interface NameLink {
  /** NAME or NAME.NETWORK. */
  readonly name: string;
  readonly alias: string;
}

/** The resolv.conf that was written for an endpoint. */
export interface Resolver {
  readonly path: string;
  /** What it had before; absent: there was none. */
  readonly before?: string | undefined;
}

export const ENDPOINT_ID = /^[0-9a-f]{16}$/;
/** linux dev_valid_name: no slash, no colon, no blank. */
const LINK_NAME = /^(?!\.{1,2}$)[^\s/:]+$/;

/** Names of one endpoint; all of them go into one record of the gossip. */
export const NAME_LIMIT = 8;
/** Named ports of one endpoint, likewise; and its links, which stay on its host. */
export const PORT_LIMIT = 16;
export const LINK_LIMIT = 64;

export function isLinkName(text: string): boolean {
  return LINK_NAME.test(text) && Buffer.byteLength(text) <= LINK_NAME_LIMIT;
}

const AddressText = v.pipe(
  v.string(),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): Address => {
    const address = parseAddress(value);
    if (address !== undefined) return address;
    addIssue({ message: 'not an address' });
    return NEVER;
  }),
);
const PortText = v.pipe(
  v.string(),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): NamedPort => {
    const port = parsePort(value);
    if (port !== undefined) return port;
    addIssue({ message: 'not a port' });
    return NEVER;
  }),
);
const NameText = v.pipe(v.string(), v.check(isName, 'not a name'));
const MacText = v.pipe(
  v.string(),
  v.rawTransform(({ dataset: { value }, addIssue, NEVER }): Mac => {
    const mac = parseMac(value);
    if (mac !== undefined) return mac;
    addIssue({ message: 'not a MAC' });
    return NEVER;
  }),
);
const File = v.strictObject({
  version: v.literal(1),
  id: v.pipe(v.string(), v.regex(ENDPOINT_ID)),
  network: v.pipe(v.string(), v.check(isNetwork, 'not a network')),
  state: v.picklist(ENDPOINT_STATES),
  target: v.string(),
  names: v.pipe(v.array(NameText), v.maxLength(NAME_LIMIT)),
  ports: v.optional(v.pipe(v.array(PortText), v.maxLength(PORT_LIMIT)), []),
  addresses: v.pipe(v.array(AddressText), v.maxLength(2)),
  place: v.optional(
    v.strictObject({
      namespace: v.strictObject({ path: v.string(), inode: v.pipe(v.number(), v.safeInteger()) }),
      link: v.pipe(v.string(), v.check(isLinkName, 'no name of a link')),
      mac: MacText,
      ownMac: v.boolean(),
      gateway: v.optional(v.union([v.literal('none'), AddressText])),
      container: v.optional(v.string()),
      runtime: v.optional(v.string()),
      resolver: v.optional(v.strictObject({ path: v.string(), before: v.optional(v.string()) })),
      dnsInside: v.optional(v.boolean(), false),
      links: v.optional(
        v.pipe(
          v.array(v.strictObject({ name: NameText, alias: NameText })),
          v.maxLength(LINK_LIMIT),
        ),
        [],
      ),
    }),
  ),
  since: v.pipe(v.string(), v.isoTimestamp()),
});

/** The text of its file. */
export function formatEndpoint({ addresses, ports, since, ...rest }: Endpoint): string {
  const texts = { addresses: Object.values(addresses), ports: ports.map(portText) };
  const file = { version: 1, ...rest, ...texts, since };
  return `${JSON.stringify(file, undefined, 2)}\n`;
}

/** Undefined when the text is not that of an endpoint's file. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const parsed = v.safeParse(File, jsonIn(text));
  if (!parsed.success) return undefined;
  const { version: _, addresses, place, since, ...rest } = parsed.output;
  const [v4, v6] = ([4, 6] as const).map((family) =>
    addresses.find((address) => familyOf(address) === family),
  );
  return {
    ...rest,
    addresses: perFamily(v4, v6),
    place: place && {
      ...place,
      gateway: place.gateway,
      container: place.container,
      runtime: place.runtime,
      resolver: place.resolver,
    },
    since: new Date(since),
  };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
