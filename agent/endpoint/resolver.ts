/**
 * The resolv.conf of an endpoint: that of a named namespace lies in /etc/netns, from where `ip netns exec` binds it
 * (ip-netns(8)); that of a process in its own file system, which is touched only when asked for.
 */
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { readIfThere, writeAtomically } from '../config/atomic-file.ts';
import type { Address } from '../ip/address.ts';
import type { NamespaceFile } from '../state/veth.ts';
import type { Endpoint, Resolver } from './endpoint.ts';
import type { AttachRequest } from './request.ts';

const MODE = 0o644;
/** Of a file that was there, in bytes; a longer one is not replaced. */
const SIZE_LIMIT = 16 * 1024;

export interface ResolverPlaces {
  /** Below it, a directory for each namespace: /etc/netns. */
  readonly named: string;
  /** Of all names: `weft`. Undefined: nobody answers at the gateway, so that nothing is written. */
  readonly domain: string | undefined;
  /** Where questions are answered inside of a namespace, if so asked. */
  readonly inside: Address;
}

export class ResolverFiles {
  readonly #places: ResolverPlaces;

  constructor(places: ResolverPlaces) {
    this.#places = places;
  }

  /** Undefined where none is to be written: nobody asked for it, or somebody else's stands there. */
  placeFor({ target, resolver }: AttachRequest, { path }: NamespaceFile): Resolver | undefined {
    if (this.#places.domain === undefined) return undefined;
    if (target.type === 'netns') {
      if (target.name === undefined) return undefined;
      const file = join(this.#places.named, target.name, 'resolv.conf');
      return existsSync(file) ? undefined : { path: file };
    }
    const root = /^\/proc\/\d+(?=\/ns\/net$)/.exec(path)?.[0];
    if (!resolver || root === undefined) return undefined;
    const before = readInside(root);
    return before === undefined ? undefined : { path: `${root}/root/etc/resolv.conf`, before };
  }

  /** Throws a FileError or an Error of libc. */
  write(endpoint: Endpoint, gateways: readonly Address[]): void {
    const { resolver, dnsInside = false } = endpoint.place ?? {};
    const { domain, inside } = this.#places;
    if (resolver === undefined || domain === undefined) return;
    const servers = dnsInside ? [inside] : gateways;
    const text = [
      `${markOf(endpoint)}: it goes when that is detached`,
      ...servers.map((server) => `nameserver ${server}`),
      `search ${endpoint.network}.${domain}`,
      'options ndots:1\n',
    ].join('\n');
    if (resolver.before === undefined) writeAtomically(resolver.path, text, MODE, 'process');
    else writeInside(rootOf(resolver), text);
  }

  /** Never throws: with the namespace, or the process, the file has gone or matters to nobody. */
  remove(endpoint: Endpoint): void {
    const resolver = endpoint.place?.resolver;
    if (resolver === undefined) return;
    const mark = markOf(endpoint);
    try {
      if (resolver.before !== undefined) {
        // An empty one: its file system was full.
        const text = readInside(rootOf(resolver));
        if (text === '' || text?.startsWith(mark) === true)
          writeInside(rootOf(resolver), resolver.before);
      } else if (readIfThere(resolver.path)?.startsWith(mark) === true) {
        rmSync(resolver.path);
        rmdirSync(dirname(resolver.path));
      }
    } catch {
      // Others' files are in the directory.
    }
  }
}

function markOf({ id }: Endpoint): string {
  return `# weft endpoint ${id}`;
}

function rootOf({ path }: Resolver): string {
  return path.slice(0, -'/root/etc/resolv.conf'.length);
}

/** The resolv.conf below /proc/PID. Undefined if there is none, or it is too long to be kept. */
export function readInside(process: string): string | undefined {
  try {
    return withFile(process, constants.O_RDONLY, (file) => {
      const bytes = Buffer.alloc(SIZE_LIMIT + 1);
      const length = readSync(file, bytes, 0, bytes.length, 0);
      return length <= SIZE_LIMIT ? bytes.toString('utf8', 0, length) : undefined;
    });
  } catch {
    return undefined;
  }
}

/** In place, as it is often a mount of its own. */
function writeInside(process: string, text: string): void {
  withFile(process, constants.O_WRONLY, (file) => {
    const bytes = Buffer.from(text);
    const length = writeSync(file, bytes, 0, bytes.length, 0);
    ftruncateSync(file, length);
    if (length < bytes.length) throw new Error('the file system of the container is full');
  });
}

/**
 * Step by step, and following no link: an absolute one, laid there from inside, would lead into the file system of
 * this host. Nor is anything opened that may keep us waiting, or has no end.
 */
function withFile<T>(process: string, flags: number, work: (file: number) => T): T {
  const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  const opened = [openSync(join(process, 'root'), O_RDONLY | O_DIRECTORY)];
  try {
    const below = (name: string, how: number): number => {
      const file = openSync(`/proc/self/fd/${opened.at(-1)}/${basename(name)}`, how | O_NOFOLLOW);
      opened.push(file);
      return file;
    };
    below('etc', O_RDONLY | O_DIRECTORY);
    const file = below('resolv.conf', flags | O_NONBLOCK);
    if (!fstatSync(file).isFile()) throw new Error('resolv.conf is no file');
    return work(file);
  } finally {
    for (const file of opened.toReversed()) closeSync(file);
  }
}
