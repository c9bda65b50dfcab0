/** The door of what is asked of endpoints: text in, values out, or one sentence that says what to do. Pure. */
import {
  isName,
  isNetwork,
  labelFrom,
  parsePort,
  type NamedPort,
} from '../../controlplane/names/index.ts';
import { familyOf, parseAddress, type Address } from '../ip/address.ts';
import { isUnicastMac, parseMac, type Mac } from '../ip/mac.ts';
import {
  ENDPOINT_ID,
  isLinkName,
  NAME_LIMIT,
  LINK_LIMIT,
  PORT_LIMIT,
  type NameLink,
} from './endpoint.ts';
import { EndpointError } from './errors.ts';
import { nameOfTarget, parseTarget, TARGET_FORMS, type Target } from './target.ts';

/** The network that every host has: its leased subnet. */
export const DEFAULT_NETWORK = 'default';
/** One of each family. */
const ADDRESS_LIMIT = 2;

/** As it comes; empty text is as good as none. */
export interface AttachText {
  readonly id: string;
  readonly target: string;
  readonly network: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  /** An address, or `none`. */
  readonly gateway: string;
  /** Of the link inside. */
  readonly link: string;
  readonly mac: string;
  readonly resolver: boolean;
  readonly dnsInside: boolean;
  /** NAME:NUMBER, with /udp behind it or not. */
  readonly ports: readonly string[];
  /** NAME or NAME:ALIAS. */
  readonly links: readonly string[];
}

export interface AttachRequest {
  readonly id: string;
  readonly target: Target;
  /** As it was written. */
  readonly text: string;
  readonly network: string;
  readonly names: readonly string[];
  readonly addresses: readonly Address[];
  readonly gateway: Address | 'none' | undefined;
  readonly link: string | undefined;
  readonly mac: Mac | undefined;
  /** Write resolv.conf also where it is not weft's by convention: into the file system of a process. */
  readonly resolver: boolean;
  /** Answer questions for names on an address inside, too. */
  readonly dnsInside: boolean;
  readonly ports: readonly NamedPort[];
  readonly links: readonly NameLink[];
}

/** Throws an EndpointError. */
export function parseAttach(asked: AttachText): AttachRequest {
  const target = parseTarget(asked.target);
  if (target === undefined)
    throw usage(
      `${JSON.stringify(asked.target)} is nothing that can be attached`,
      `give ${TARGET_FORMS}`,
    );
  return {
    id: idIn(asked.id),
    target,
    text: asked.target,
    network: networkIn(asked.network),
    names: asked.names.length === 0 ? byDefault(target) : namesIn(asked.names),
    addresses: addressesIn(asked.addresses),
    gateway: gatewayIn(asked.gateway),
    link: linkIn(asked.link),
    mac: macIn(asked.mac),
    resolver: asked.resolver,
    dnsInside: asked.dnsInside,
    ports: portsIn(asked.ports),
    links: linksIn(asked.links),
  };
}

export function idIn(text: string): string {
  if (ENDPOINT_ID.test(text)) return text;
  throw usage(`${JSON.stringify(text)} is no id of an endpoint`, 'choose 16 hexadecimal digits');
}

export function networkIn(text: string): string {
  if (text === '') return DEFAULT_NETWORK;
  if (isNetwork(text)) return text;
  throw noNetwork(text);
}

/** There is none of that name. */
export function noNetwork(name: string): EndpointError {
  const message = `there is no network ${JSON.stringify(name)}`;
  return new EndpointError('no-network', message, 'see weft network ls');
}

export function namesIn(texts: readonly string[]): readonly string[] {
  const names = [...new Set(texts.map((text) => text.toLowerCase()))];
  const bad = names.find((name) => !isName(name));
  if (bad !== undefined)
    throw usage(
      `${JSON.stringify(bad)} is no name`,
      'use letters, digits and hyphens, in labels with dots between them',
    );
  if (names.length > NAME_LIMIT)
    throw usage(`${names.length} names are too many`, `give ${NAME_LIMIT} at most`);
  return names;
}

function byDefault(target: Target): readonly string[] {
  const name = labelFrom(nameOfTarget(target) ?? '');
  return name === undefined ? [] : [name];
}

function portsIn(texts: readonly string[]): readonly NamedPort[] {
  const ports = texts.map((text) => {
    const port = parsePort(text);
    if (port !== undefined) return port;
    throw usage(
      `${JSON.stringify(text)} is no named port`,
      'give NAME:NUMBER, with /tcp, /udp or /sctp behind it if it is not tcp, as http:80',
    );
  });
  if (ports.length > PORT_LIMIT)
    throw usage(`${ports.length} named ports are too many`, `give ${PORT_LIMIT} at most`);
  return ports;
}

function linksIn(texts: readonly string[]): readonly NameLink[] {
  const links = texts.map((text) => {
    const [name = '', alias = name, more] = text.toLowerCase().split(':');
    if (isName(name) && isName(alias) && more === undefined) return { name, alias };
    throw usage(
      `${JSON.stringify(text)} is no link`,
      'give NAME or NAME:ALIAS, of letters, digits and hyphens',
    );
  });
  const twice = links.find(({ alias }, i) => links.findIndex((of) => of.alias === alias) < i);
  if (twice !== undefined)
    throw usage(`there are several links called ${twice.alias}`, 'give each an alias of its own');
  if (links.length > LINK_LIMIT)
    throw usage(`${links.length} links are too many`, `give ${LINK_LIMIT} at most`);
  return links;
}

function addressesIn(texts: readonly string[]): readonly Address[] {
  const addresses = texts.map((text) => {
    const address = parseAddress(text);
    if (address === undefined)
      throw usage(`${JSON.stringify(text)} is no IP address`, 'give one without a length');
    return address;
  });
  const families = new Set(addresses.map(familyOf));
  if (addresses.length > ADDRESS_LIMIT || families.size < addresses.length)
    throw usage('there are several addresses of one family', 'give one of each at most');
  return addresses;
}

function gatewayIn(text: string): Address | 'none' | undefined {
  if (text === '') return undefined;
  const gateway = text === 'none' ? text : parseAddress(text);
  if (gateway !== undefined) return gateway;
  throw usage(`${JSON.stringify(text)} is no gateway`, 'give an address, or none');
}

function linkIn(text: string): string | undefined {
  if (text === '' || isLinkName(text)) return text || undefined;
  throw usage(
    `${JSON.stringify(text)} is no name of an interface`,
    'give up to 15 characters, without blanks, slashes and colons',
  );
}

function macIn(text: string): Mac | undefined {
  if (text === '') return undefined;
  const mac = parseMac(text);
  if (mac !== undefined && isUnicastMac(mac)) return mac;
  throw usage(
    `${JSON.stringify(text)} is no MAC of one interface`,
    'give six pairs of hexadecimal digits with colons between them, the first of them even',
  );
}

function usage(message: string, fix: string): EndpointError {
  return new EndpointError('usage', message, fix);
}
