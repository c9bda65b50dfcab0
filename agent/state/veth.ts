/** What a veth pair's alias tells of its other end: `weft endpoint ID NAME MAC INODE PATH`, which people can read, too. */
import { parseMac, type Mac } from '../ip/mac.ts';
import { ALIAS_PREFIX } from './resource.ts';

/** The end inside a namespace. */
export interface VethPeer {
  /** Of the endpoint: 16 hexadecimal digits. */
  readonly endpoint: string;
  /** Of the link inside. */
  readonly name: string;
  readonly mac: Mac;
  readonly namespace: NamespaceFile;
}

/** A network namespace: a file that opens it, and the number by which that file is known to be still the same one. */
export interface NamespaceFile {
  readonly path: string;
  readonly inode: number;
}

const BEGIN = `${ALIAS_PREFIX} endpoint `;
/** linux/if.h, IFALIASZ: what an alias may have, in bytes. */
const ALIAS_LIMIT = 255;
/** IFNAMSIZ, linux/if.h: the name of a link has at most so many bytes. */
export const LINK_NAME_LIMIT = 15;

/** Throws a RangeError when the path is too long for an alias. */
export function vethAlias({ endpoint, name, mac, namespace }: VethPeer): string {
  const alias = `${BEGIN}${[endpoint, name, mac, namespace.inode, namespace.path].join(' ')}`;
  if (Buffer.byteLength(alias) > ALIAS_LIMIT)
    throw new RangeError(`the path ${namespace.path} is too long: bind it to a shorter one`);
  return alias;
}

/** Undefined for any other alias. */
export function vethPeer(alias: string): VethPeer | undefined {
  if (!alias.startsWith(BEGIN)) return undefined;
  const [endpoint = '', name = '', macText = '', inode = '', ...path] = alias
    .slice(BEGIN.length)
    .split(' ');
  const mac = parseMac(macText);
  if (mac === undefined || !/^\d{1,15}$/.test(inode) || path.length === 0) return undefined;
  return { endpoint, name, mac, namespace: { path: path.join(' '), inode: Number(inode) } };
}

/** The name of this host's end. */
export function vethName(endpoint: string): string {
  return `weft-${endpoint}`.slice(0, LINK_NAME_LIMIT);
}
