/** The addresses of this host's endpoints, of each family that the network has. Pure. */
import { familyOf, type Address, type Family } from '../ip/address.ts';
import { containsAddress, type Prefix } from '../ip/prefix.ts';
import type { Random } from '../state/clock.ts';
import type { PerFamily } from '../state/facts.ts';
import { AddressPool } from './address-pool.ts';
import { EndpointError } from './errors.ts';

interface Holder {
  readonly id: string;
  readonly addresses: PerFamily<Address>;
}

export class Addresses {
  readonly #random: Random;
  readonly #pools = new Map<Family, AddressPool>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** The subnets of this host are these now, and these have addresses. `isShared`: as AddressPool has it. */
  begin(subnets: PerFamily<Prefix>, isShared: boolean, holders: readonly Holder[]): void {
    const before = new Map(this.#pools);
    this.#pools.clear();
    for (const family of [4, 6] as const) {
      const subnet = subnets[family];
      if (subnet === undefined) continue;
      const pool = new AddressPool(subnet, this.#random, isShared);
      for (const address of before.get(family)?.released() ?? []) pool.quarantine(address);
      this.#pools.set(family, pool);
    }
    for (const holder of holders)
      for (const address of Object.values(holder.addresses))
        if (this.#isOurs(address)) this.#pools.get(familyOf(address))?.hold(address, holder.id);
  }

  /** One of each family: those that are asked for, else free ones. Throws an EndpointError, and takes none. */
  take({
    id,
    addresses,
  }: {
    readonly id: string;
    readonly addresses: readonly Address[];
  }): PerFamily<Address> {
    for (const address of addresses) {
      const why = this.#refusal(address, id);
      if (why !== undefined)
        throw new EndpointError(
          'address',
          `${address} is ${why}`,
          'choose another, or leave it out',
        );
    }
    const taken: Partial<Record<Family, Address>> = {};
    for (const [family, pool] of this.#pools) {
      const asked = addresses.find((address) => familyOf(address) === family);
      if (asked !== undefined) pool.hold(asked, id);
      const address = asked ?? pool.take(id);
      if (address === undefined) {
        this.release({ id, addresses: taken });
        const message = `every address of ${pool.subnet} is taken`;
        throw new EndpointError('full', message, 'detach an endpoint first');
      }
      taken[family] = address;
    }
    return taken;
  }

  release({ id, addresses }: Holder): void {
    for (const address of Object.values(addresses))
      this.#pools.get(familyOf(address))?.release(address, id);
  }

  /** Of what it had, what it may have again. */
  free({
    id,
    addresses,
  }: {
    readonly id: string;
    readonly addresses: readonly Address[];
  }): readonly Address[] {
    return addresses.filter((address) => this.#refusal(address, id) === undefined);
  }

  #refusal(address: Address, id: string): string | undefined {
    const pool = this.#pools.get(familyOf(address));
    return pool === undefined ? `of a family that this network lacks` : pool.refusal(address, id);
  }

  #isOurs(address: Address): boolean {
    const pool = this.#pools.get(familyOf(address));
    return pool !== undefined && containsAddress(pool.subnet, address);
  }
}
