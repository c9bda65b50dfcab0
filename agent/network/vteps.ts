/**
 * Where the hosts that say something of endpoints take packets of networks: a member gossips where its host's lease
 * says, and the lease tells the rest. Pure. A change costs the same however many there are.
 */
import type { Address } from '../ip/address.ts';
import { baseOf } from '../ip/prefix.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { perFamily, type Lease } from '../state/facts.ts';
import type { Vtep } from './overlay.ts';

interface Told {
  readonly place: SocketAddress;
  readonly vtep: Vtep;
}

export class Vteps {
  /** By the lease's key. */
  readonly #leases = new Map<string, Told>();
  readonly #byPlace = new Map<SocketAddress, Vtep>();
  /** Members by where they listen. */
  readonly #members = new Map<SocketAddress, string>();
  readonly #places = new Map<string, SocketAddress>();

  of(member: string): Vtep | undefined {
    const place = this.#places.get(member);
    return place === undefined ? undefined : this.#byPlace.get(place);
  }

  /** Returns the member whose host is reached otherwise now, if any. `lease`: undefined when it is gone. */
  lease(key: string, lease: Lease | undefined): string | undefined {
    const before = this.#leases.get(key);
    const told = lease && toldBy(lease);
    if (JSON.stringify(before) === JSON.stringify(told)) return undefined;
    if (told === undefined) this.#leases.delete(key);
    else this.#leases.set(key, told);
    // A host that takes another subnet has two leases for a while.
    if (before !== undefined && this.#byPlace.get(before.place) === before.vtep)
      this.#byPlace.delete(before.place);
    if (told !== undefined) this.#byPlace.set(told.place, told.vtep);
    const place = told?.place ?? before?.place;
    return place === undefined ? undefined : this.#members.get(place);
  }

  /** `place`: where it listens; undefined when it is forgotten. */
  member(name: string, place: SocketAddress | undefined): void {
    const before = this.#places.get(name);
    if (before === place) return;
    if (before !== undefined && this.#members.get(before) === name) this.#members.delete(before);
    if (place === undefined) this.#places.delete(name);
    else {
      this.#places.set(name, place);
      this.#members.set(place, name);
    }
  }

  /** All addresses at which some host is there. */
  addresses(): ReadonlySet<Address> {
    return new Set([...this.#byPlace.values()].flatMap(addressesOf));
  }
}

export function addressesOf({ underlay, tunnel }: Vtep): readonly Address[] {
  return [...Object.values(underlay), ...Object.values(tunnel)];
}

/** Undefined for a host that does not gossip: it has no endpoints in networks. */
function toldBy({ gossip, publicAddresses, subnets }: Lease): Told | undefined {
  if (gossip === undefined) return undefined;
  const [v4, v6] = [subnets[4], subnets[6]].map((subnet) => subnet && baseOf(subnet));
  return { place: gossip, vtep: { underlay: publicAddresses, tunnel: perFamily(v4, v6) } };
}
