/** Whose which address is on this host: of its subnets by a pool of its own, of networks of users by claims. */
import type { Address } from '../ip/address.ts';
import type { Random } from '../state/clock.ts';
import type { PerFamily } from '../state/facts.ts';
import { Addresses } from './addresses.ts';
import type { Endpoint } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import type { Claims } from './parts.ts';
import type { NetworkFacts } from './plan.ts';
import { DEFAULT_NETWORK, type AttachRequest } from './request.ts';

type Holder = Pick<Endpoint, 'id' | 'network' | 'addresses'>;

export class AddressBook {
  readonly #own: Addresses;
  readonly #claims: Claims;

  constructor(random: Random, claims: Claims) {
    this.#own = new Addresses(random);
    this.#claims = claims;
  }

  /**
   * This host's subnets are these now, and these endpoints are there. `bridge`: the one they join; who has another than
   * weft's gives addresses to its own containers, from the lowest on.
   */
  begin(
    { subnets, bridge: ours }: NetworkFacts,
    bridge: string | undefined,
    endpoints: Iterable<Endpoint>,
  ): void {
    const holders = [...endpoints].filter(
      ({ network, place, state }) =>
        network === DEFAULT_NETWORK && place !== undefined && state !== 'away',
    );
    this.#own.begin(subnets, bridge !== ours, holders);
  }

  /** It had them before this start. */
  hold(endpoint: Endpoint): void {
    if (endpoint.network !== DEFAULT_NETWORK) this.#claims.hold(endpoint);
  }

  /** `former`: addresses that it had, where they are free. Rejects with an EndpointError, and takes none. */
  async take(request: AttachRequest, which: 'asked' | 'former'): Promise<PerFamily<Address>> {
    const { network, addresses } = request;
    if (network === DEFAULT_NETWORK) {
      const free = which === 'former' ? this.#own.free(request) : addresses;
      return this.#own.take({ ...request, addresses: free });
    }
    try {
      return await this.#claims.take(network, request);
    } catch (cause) {
      const isTaken = cause instanceof EndpointError && cause.problem === 'address';
      if (which === 'asked' || !isTaken) throw cause;
      return await this.#claims.take(network, { ...request, addresses: [] });
    }
  }

  release({ id, network, addresses }: Holder): void {
    if (network === DEFAULT_NETWORK) this.#own.release({ id, addresses });
    else this.#claims.release(network, id, addresses);
  }
}
