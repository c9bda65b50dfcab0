/** Static records of this host: kept in a file, said to all by gossip. */
import { renameSync } from 'node:fs';
import {
  encodeName,
  isName,
  isNetwork,
  keyOfName,
  NAME_KIND,
  type Name,
} from '../../controlplane/names/index.ts';
import { FileError, readIfThere, writeAtomically } from '../config/atomic-file.ts';
import { addressFromBytes, addressToBytes, parseAddress } from '../ip/address.ts';

const MODE = 0o644;
/** Of one host. */
const LIMIT = 4_096;
const TTL_LIMIT = 2 ** 31 - 1;

export interface StaticNamesParts {
  readonly path: string;
  readonly put: (kind: string, key: string, payload: Uint8Array) => void;
  readonly remove: (kind: string, key: string) => void;
}

export class StaticNames {
  readonly #parts: StaticNamesParts;
  readonly #names = new Map<string, Name>();

  constructor(parts: StaticNamesParts) {
    this.#parts = parts;
  }

  /**
   * Says what the file has. Where it is damaged, nothing of it counts, and it is put aside: returns where. Throws a
   * FileError.
   */
  open(): string | undefined {
    const { path } = this.#parts;
    const text = readIfThere(path);
    const names = text === undefined ? [] : namesIn(text);
    if (names === undefined) return putAside(path);
    for (const name of names) this.#say(name);
    return undefined;
  }

  list(): Iterable<Name> {
    return this.#names.values();
  }

  /** Throws a RangeError (one sentence) if there is no room, a FileError if it cannot be kept. */
  add(name: Name): void {
    if (this.#names.size >= LIMIT && !this.#names.has(keyOfName(name)))
      throw new RangeError(`this host has ${LIMIT} static records already; remove others first`);
    const before = this.#names.get(keyOfName(name));
    this.#names.set(keyOfName(name), name);
    try {
      this.#keep();
    } catch (cause) {
      if (before === undefined) this.#names.delete(keyOfName(name));
      else this.#names.set(keyOfName(name), before);
      throw cause;
    }
    this.#say(name);
  }

  /** Those that `isMeant`; returns how many. Throws a FileError. */
  remove(isMeant: (name: Name) => boolean): number {
    const gone = [...this.#names].filter(([, name]) => isMeant(name));
    for (const [key] of gone) {
      this.#names.delete(key);
      this.#parts.remove(NAME_KIND, key);
    }
    if (gone.length > 0) this.#keep();
    return gone.length;
  }

  #say(name: Name): void {
    const key = keyOfName(name);
    this.#parts.put(NAME_KIND, key, encodeName(name));
    this.#names.set(key, name);
  }

  #keep(): void {
    const list = [...this.#names.values()].map(({ name, network, address, ttl }) => ({
      name,
      network,
      address: addressFromBytes(address),
      ttl,
    }));
    writeAtomically(this.#parts.path, `${JSON.stringify(list, undefined, 2)}\n`, MODE);
  }
}

function putAside(path: string): string {
  const aside = `${path}.damaged`;
  try {
    renameSync(path, aside);
  } catch (cause) {
    throw new FileError('written', aside, cause);
  }
  return aside;
}

/** Undefined if it is not what `keep` writes. */
function namesIn(text: string): Name[] | undefined {
  try {
    const list = JSON.parse(text) as unknown;
    return Array.isArray(list) ? list.map((entry) => nameIn(entry)) : undefined;
  } catch {
    return undefined;
  }
}

/** Throws a RangeError. */
function nameIn(entry: unknown): Name {
  const { name, network, address, ttl } = entry as Record<string, unknown>;
  const parsed = typeof address === 'string' ? parseAddress(address) : undefined;
  const isGood =
    typeof name === 'string' &&
    isName(name) &&
    typeof network === 'string' &&
    isNetwork(network) &&
    parsed !== undefined &&
    Number.isInteger(ttl) &&
    (ttl as number) >= 0 &&
    (ttl as number) <= TTL_LIMIT;
  if (!isGood) throw new RangeError('not a static record');
  return { name, network, address: addressToBytes(parsed), ttl: ttl as number };
}
