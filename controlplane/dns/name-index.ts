/**
 * Who is called how, by network: kept up with each record that comes, changes or goes, at the cost of what that record
 * says. Nothing is scanned for a question. Pure.
 */
import { HOST_NETWORK, type Endpoint, type Name } from '../names/index.ts';

/** As it is answered. */
export interface Address {
  readonly bytes: Uint8Array;
  /** Of a static record; undefined: its network's. */
  readonly ttl: number | undefined;
}

/** One thing that has a name: an endpoint, a static record or a host. */
interface Part {
  readonly network: string;
  readonly names: readonly string[];
  readonly addresses: readonly Address[];
  readonly endpoint: Endpoint | undefined;
  /** What the reverse question is answered with; undefined: nothing. */
  readonly primary: string | undefined;
}

/** All that share a name in a network. */
export class NameSet {
  readonly parts = new Set<Part>();
  /** Made at the first question after a change. */
  #byLength: { 4: Address[]; 16: Address[] } | undefined;

  changed(): void {
    this.#byLength = undefined;
  }

  /** Of 4 or 16 bytes, each once. Its order may be changed by who reads it. */
  addresses(length: 4 | 16): Address[] {
    this.#byLength ??= { 4: this.#collect(4), 16: this.#collect(16) };
    return this.#byLength[length];
  }

  *endpoints(): Generator<Endpoint> {
    for (const { endpoint } of this.parts) if (endpoint !== undefined) yield endpoint;
  }

  #collect(length: number): Address[] {
    const distinct = new Map<string, Address>();
    for (const { addresses } of this.parts)
      for (const address of addresses)
        if (address.bytes.length === length)
          distinct.set(Buffer.from(address.bytes).toString('latin1'), address);
    return [...distinct.values()];
  }
}

export interface ReverseName {
  readonly network: string;
  readonly name: string;
}

interface Owner {
  /** By kind and key. */
  readonly parts: Map<string, Part>;
  isPresent: boolean;
}

export class NameIndex {
  readonly #owners = new Map<string, Owner>();
  readonly #networks = new Map<string, Map<string, NameSet>>();
  /** By the name that is asked: `2.1.5.10.in-addr.arpa`. */
  readonly #reverse = new Map<string, Set<Part>>();
  #names: readonly string[] | undefined;

  /** What the owner says of this endpoint; undefined: no more. */
  setEndpoint(owner: string, id: string, endpoint: Endpoint | undefined): void {
    const { network, names = [], addresses = [] } = endpoint ?? {};
    const part = endpoint && {
      network: network ?? '',
      // Its id names it alone, also where others share its names.
      names: [...new Set([...names, id])],
      addresses: addresses.map((bytes) => ({ bytes, ttl: undefined })),
      endpoint,
      primary: names[0],
    };
    this.#set(owner, `endpoint ${id}`, part);
  }

  /** What the owner says of this static record; undefined: no more. */
  setName(owner: string, key: string, record: Name | undefined): void {
    const part = record && {
      network: record.network,
      names: [record.name],
      addresses: [{ bytes: record.address, ttl: record.ttl }],
      endpoint: undefined,
      primary: undefined,
    };
    this.#set(owner, `name ${key}`, part);
  }

  /** Where the host itself is, and that what it says counts; undefined: it is gone, and what it said is out of sight. */
  setHost(owner: string, name: string, addresses: readonly Uint8Array[] | undefined): void {
    this.#setPresent(owner, addresses !== undefined);
    const part = addresses && {
      network: HOST_NETWORK,
      names: [name],
      addresses: addresses.map((bytes) => ({ bytes, ttl: undefined })),
      endpoint: undefined,
      primary: name,
    };
    this.#set(owner, 'host', part);
  }

  find(network: string, name: string): NameSet | undefined {
    return this.#networks.get(network)?.get(name);
  }

  /** Somebody has a name there. */
  hasNetwork(network: string): boolean {
    return this.#networks.has(network);
  }

  /** All but that of the hosts, in order of their names. */
  get networks(): readonly string[] {
    this.#names ??= [...this.#networks.keys()].filter((name) => name !== HOST_NETWORK).sort();
    return this.#names;
  }

  /** Of an address, by its reverse name. */
  *reverse(name: string): Generator<ReverseName> {
    for (const { network, primary } of this.#reverse.get(name) ?? [])
      if (primary !== undefined) yield { network, name: primary };
  }

  isOurAddress(reverseName: string): boolean {
    return this.#reverse.has(reverseName);
  }

  #set(ownerName: string, key: string, part: Part | undefined): void {
    const owner = this.#ownerOf(ownerName);
    const before = owner.parts.get(key);
    if (before !== undefined && owner.isPresent) this.#hide(before);
    if (part === undefined) owner.parts.delete(key);
    else owner.parts.set(key, part);
    if (part !== undefined && owner.isPresent) this.#show(part);
    if (owner.parts.size === 0 && owner.isPresent) this.#owners.delete(ownerName);
  }

  #setPresent(ownerName: string, isPresent: boolean): void {
    const owner = this.#ownerOf(ownerName);
    if (owner.isPresent === isPresent) return;
    owner.isPresent = isPresent;
    for (const part of owner.parts.values()) {
      if (isPresent) this.#show(part);
      else this.#hide(part);
    }
  }

  /** One that we hear of first by what it says is there. */
  #ownerOf(name: string): Owner {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = { parts: new Map(), isPresent: true };
      this.#owners.set(name, owner);
    }
    return owner;
  }

  #show(part: Part): void {
    let byName = this.#networks.get(part.network);
    if (byName === undefined) {
      byName = new Map();
      this.#networks.set(part.network, byName);
      this.#names = undefined;
    }
    for (const name of part.names) {
      let set = byName.get(name);
      if (set === undefined) byName.set(name, (set = new NameSet()));
      set.parts.add(part);
      set.changed();
    }
    // Of a static record's address others may know more.
    if (part.primary === undefined) return;
    for (const { bytes } of part.addresses) {
      const name = reverseName(bytes);
      const parts = this.#reverse.get(name) ?? new Set();
      this.#reverse.set(name, parts.add(part));
    }
  }

  #hide(part: Part): void {
    const byName = this.#networks.get(part.network);
    for (const name of part.names) {
      const set = byName?.get(name);
      set?.parts.delete(part);
      set?.changed();
      if (set?.parts.size === 0) byName?.delete(name);
    }
    if (byName?.size === 0) {
      this.#networks.delete(part.network);
      this.#names = undefined;
    }
    for (const { bytes } of part.addresses) {
      const name = reverseName(bytes);
      const parts = this.#reverse.get(name);
      parts?.delete(part);
      if (parts?.size === 0) this.#reverse.delete(name);
    }
  }
}

/** What is asked to learn an address's name (RFC 1035, section 3.5; RFC 3596, section 2.5). */
export function reverseName(bytes: Uint8Array): string {
  if (bytes.length === 4) return `${Array.from(bytes).toReversed().join('.')}.in-addr.arpa`;
  const digits = Array.from(Buffer.from(bytes).toString('hex')).toReversed();
  return `${digits.join('.')}.ip6.arpa`;
}
