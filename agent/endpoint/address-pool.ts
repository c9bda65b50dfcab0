/**
 * The addresses of one subnet: which endpoint has which, and which is given next. Pure; the endpoints' files are what
 * outlives it. An address that was given back is the last to be given again, as others may still send to who had it.
 */
import { addressFromInteger, addressToInteger, type Address } from '../ip/address.ts';
import { addressIn, containsAddress, familyOfPrefix, rangeOf, type Prefix } from '../ip/prefix.ts';
import type { Random } from '../state/clock.ts';

/** Addresses that were given back and are remembered so; beyond it the oldest count as never given. */
const REMEMBERED = 65_536;

/** The gateway's address: the first of the subnet, as flannel's users give it to their bridge. */
export function gatewayOf(subnet: Prefix): Address {
  return addressIn(subnet, 1n);
}

export class AddressPool {
  readonly subnet: Prefix;
  /** By address, whose it is. */
  readonly #owners = new Map<Address, string>();
  /** Given back, the oldest first. */
  readonly #released = new Set<Address>();
  readonly #first: bigint;
  readonly #count: bigint;
  /** From the first: where the next look begins. */
  #next: bigint;

  /**
   * Begins somewhere, as nothing tells after a restart which addresses were given back last. `isShared`: somebody else
   * gives addresses of the subnet too, from below, so that only the upper half is given here.
   */
  constructor(subnet: Prefix, random: Random, isShared = false) {
    this.subnet = subnet;
    const { first, last } = rangeOf(subnet);
    const half = (last - first + 1n) / 2n;
    // Neither the network's own address nor the gateway's; in IPv4 the last one is everybody's.
    this.#first = first + (isShared && half > 2n ? half : 2n);
    const end = familyOfPrefix(subnet) === 4 ? last - 1n : last;
    this.#count = end < this.#first ? 0n : end - this.#first + 1n;
    this.#next = BigInt(Math.floor(random() * Number(this.#count < 256n ? this.#count : 256n)));
  }

  /** Why the address cannot be given to `owner`, in words after "is"; undefined: it can, or is already. */
  refusal(address: Address, owner: string): string | undefined {
    if (!containsAddress(this.subnet, address)) return `not in this host's subnet ${this.subnet}`;
    if (address === gatewayOf(this.subnet)) return 'the gateway of this host';
    const { first, last } = rangeOf(this.subnet);
    const place = addressToInteger(address);
    const isBroadcast = place === last && familyOfPrefix(this.subnet) === 4;
    if (place === first || isBroadcast) return `no address of a host in ${this.subnet}`;
    const other = this.#owners.get(address);
    return other === undefined || other === owner ? undefined : `taken by endpoint ${other}`;
  }

  /** Of an endpoint that has it already, whatever the subnet is now. */
  hold(address: Address, owner: string): void {
    this.#released.delete(address);
    this.#owners.set(address, owner);
  }

  /** A free one, then the owner's; undefined if there is none. Costs as many steps as addresses are not free. */
  take(owner: string): Address | undefined {
    const address = this.#unused() ?? this.#oldest();
    if (address !== undefined) this.hold(address, owner);
    return address;
  }

  release(address: Address, owner: string): void {
    if (this.#owners.get(address) !== owner) return;
    this.#owners.delete(address);
    this.#released.add(address);
    if (this.#released.size <= REMEMBERED) return;
    const [oldest] = this.#released;
    if (oldest !== undefined) this.#released.delete(oldest);
  }

  /** Given back, the oldest first. */
  released(): Iterable<Address> {
    return this.#released;
  }

  /** As if it had been given back here. */
  quarantine(address: Address): void {
    if (containsAddress(this.subnet, address)) this.#released.add(address);
  }

  get used(): number {
    return this.#owners.size;
  }

  /** Round the subnet. */
  #unused(): Address | undefined {
    const busy = BigInt(this.#owners.size + this.#released.size);
    const looks = busy < this.#count ? busy + 1n : this.#count;
    for (let look = 0n; look < looks; look++) {
      const at = (this.#next + look) % this.#count;
      const address = addressFromInteger(this.#first + at, familyOfPrefix(this.subnet));
      if (this.#owners.has(address) || this.#released.has(address)) continue;
      this.#next = (at + 1n) % this.#count;
      return address;
    }
    return undefined;
  }

  #oldest(): Address | undefined {
    for (const address of this.#released) {
      const place = addressToInteger(address) - this.#first;
      // What was asked for may lie outside of what is given.
      if (place >= 0n && place < this.#count) return address;
    }
    return undefined;
  }
}
