/**
 * The endpoints of this host, and how each comes and goes: steps that may be done twice, between any two of which the
 * process may end.
 *
 *     attach: reserve (file: attaching) → veth → inside → resolver → names → file: attached
 *     detach: file: detaching → names → resolver → veth → file removed, address free
 *
 * A file tells what was begun before anything of it stands, and goes after everything has gone: so a start knows all
 * that may be left. What stands in this host's kernel is desired state: what no file wants, the reconciler removes.
 */
import { FileError } from '../config/atomic-file.ts';
import { BRIDGE } from '../state/resource.ts';
import type { Address } from '../ip/address.ts';
import type { PerFamily } from '../state/facts.ts';
import type { NamespaceFile } from '../state/veth.ts';
import { gatewayOf } from './address-pool.ts';
import { Addresses } from './addresses.ts';
import type { Endpoint, Place } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import type { AttachmentParts, FoundTarget, InsideLink } from './parts.ts';
import { insideOf, macFor, vethOf, type FoundBridge, type NetworkFacts } from './plan.ts';
import type { AttachRequest } from './request.ts';
import { Wiring } from './wiring.ts';

/** Endpoints of one host: gossip keeps 16,384 records of an owner, and a bridge has 1,023 ports (BR_MAX_PORTS). */
export const ENDPOINT_LIMIT = 1_023;

export class Attachments {
  readonly #parts: AttachmentParts;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #addresses: Addresses;
  /** What is under way at each endpoint; the next waits for it. */
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #wiring: Wiring;

  constructor(parts: AttachmentParts) {
    this.#parts = parts;
    this.#addresses = new Addresses(parts.random);
    this.#wiring = new Wiring(parts.kernel);
  }

  list(): Iterable<Endpoint> {
    return this.#endpoints.values();
  }

  get(id: string): Endpoint | undefined {
    return this.#endpoints.get(id);
  }

  get network(): NetworkFacts | undefined {
    return this.#wiring.network;
  }

  get bridge(): string | undefined {
    return this.#wiring.bridge;
  }

  /**
   * What a weftd before this one left. Whatever was half done is undone, but for what stands in the kernel, which no
   * slice wants any more. `isStanding`: whether our end of the pair is in the kernel.
   */
  adopt(found: readonly Endpoint[], isStanding: (id: string) => boolean): void {
    for (const endpoint of found) {
      const { id, state, place } = endpoint;
      if (state === 'attaching' || state === 'detaching') this.#forget(endpoint);
      else {
        this.#endpoints.set(id, endpoint);
        const hasGone =
          place !== undefined && !this.#parts.isThere(place.namespace) && !isStanding(id);
        if (state === 'attached' && hasGone) this.#vanish(endpoint);
        else if (state === 'attached') this.#parts.names.put(endpoint);
      }
    }
    this.#need();
  }

  /** The network as it is on this host now; undefined: nothing is known, and what stands stays. */
  setNetwork(network: NetworkFacts | undefined): void {
    if (network === undefined || JSON.stringify(network) === JSON.stringify(this.network)) return;
    this.#wiring.plan({ network }, this.#attached());
    this.#beginAddresses(network);
  }

  /** The bridges of others. */
  setBridges(others: readonly FoundBridge[]): void {
    const before = this.bridge;
    this.#wiring.plan({ others }, this.#attached());
    if (this.network !== undefined && this.bridge !== before) this.#beginAddresses(this.network);
  }

  /** Who has another bridge gives addresses to its own containers, from the lowest on. */
  #beginAddresses({ subnets }: NetworkFacts): void {
    const holders = [...this.#endpoints.values()].filter(
      ({ place, state }) => place !== undefined && state !== 'away',
    );
    this.#addresses.begin(subnets, this.bridge !== BRIDGE, holders);
  }

  /** Endpoints whose addresses are not of this host's subnet any more. */
  *strangers(): Iterable<Endpoint> {
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.state === 'attached' && !this.#addresses.areOurs(endpoint)) yield endpoint;
    }
  }

  /** Sets right what is inside, of every endpoint; rejects never. `told`: what could not be. */
  async refresh(told: (id: string, why: string | undefined) => void): Promise<void> {
    for (const { id } of Array.from(this.#endpoints.values()))
      await this.#inTurn(id, async () => {
        const endpoint = this.#endpoints.get(id);
        if (endpoint?.state !== 'attached' || endpoint.place === undefined) return;
        // Its process may have gone, and the namespace live on.
        if (!this.#parts.isThere(endpoint.place.namespace)) return;
        const why = await this.#stand(endpoint, endpoint.place).then(
          () => undefined,
          (cause: unknown) => messageOf(cause),
        );
        told(id, why);
      });
  }

  /** The same id again is the same endpoint. Rejects with an EndpointError, and everything is as before. */
  async attach(request: AttachRequest): Promise<Endpoint> {
    return await this.#inTurn(request.id, async () => {
      const known = this.#endpoints.get(request.id);
      if (known?.target === request.text && known.state === 'attached') return known;
      if (known !== undefined)
        throw new EndpointError(
          'exists',
          `endpoint ${request.id} is ${known.target}`,
          'choose another id',
        );
      const network = this.#required();
      const found = await this.#parts.find(request.target);
      using inside = this.#enter(found.namespace);
      const link = await linkFor(request, inside);
      const endpoint = this.#reserve(request, found, link, network);
      try {
        return await this.#attach(endpoint, inside);
      } catch (cause) {
        await this.#detach(endpoint);
        throw asEndpointError(cause, endpoint);
      }
    });
  }

  /** The host itself: it has the gateway's addresses, and gets a name. */
  async expose(id: string, network: string, names: readonly string[]): Promise<Endpoint> {
    return await this.#inTurn(id, async () => {
      const known = [...this.#endpoints.values()].find(({ place }) => place === undefined);
      if (known?.id === id) return known;
      if (known !== undefined)
        throw new EndpointError(
          'exists',
          `this host is exposed as ${known.names.join(', ')}`,
          'hide it first with weft hide',
        );
      const { subnets } = this.#required();
      const addresses = gatewaysOf(subnets);
      const since = this.#parts.now();
      const endpoint: Endpoint = {
        id,
        network,
        names,
        addresses,
        since,
        state: 'attaching',
        target: 'host',
        place: undefined,
      };
      this.#save(endpoint);
      this.#parts.step('attach-reserved');
      try {
        await this.#wiring.stand(endpoint);
        return this.#announce(endpoint);
      } catch (cause) {
        await this.#detach(endpoint);
        throw asEndpointError(cause, endpoint);
      }
    });
  }

  /** Resolves when all of it has gone; false: there was none. */
  async detach(id: string): Promise<boolean> {
    return await this.#inTurn(id, async () => {
      const endpoint = this.#endpoints.get(id);
      if (endpoint !== undefined) await this.#detach(endpoint);
      return endpoint !== undefined;
    });
  }

  /** Our end of the pair has gone, by somebody else's hand. Alone, it is made anew (pairBack); or with its namespace. */
  pairGone(id: string): void {
    const endpoint = this.#endpoints.get(id);
    const { place, state } = endpoint ?? {};
    if (endpoint === undefined || place === undefined || state !== 'attached') return;
    if (!this.#parts.isThere(place.namespace)) this.#vanish(endpoint);
  }

  /** The reconciler has made the pair anew, and its other end has nothing yet. Rejects with an Error of one sentence. */
  async pairBack(id: string): Promise<void> {
    await this.#inTurn(id, async () => {
      const endpoint = this.#endpoints.get(id);
      if (endpoint?.state !== 'attached' || endpoint.place === undefined) return;
      await this.#stand(endpoint, endpoint.place);
    });
  }

  /** Attaches what is back of what had gone away; false: it is not. Rejects with an EndpointError. */
  async welcome(id: string): Promise<boolean> {
    return await this.#inTurn(id, async () => {
      const away = this.#endpoints.get(id);
      if (away?.state !== 'away' || away.place === undefined || this.network === undefined)
        return false;
      const request = requestOf(away, away.place, this.#addresses.free(away));
      const found = await this.#parts.find(request.target);
      using inside = this.#enter(found.namespace);
      const link = (await inside.has(away.place.link))
        ? await inside.freeName('eth')
        : away.place.link;
      const endpoint = this.#reserve(request, found, link, this.network);
      try {
        await this.#attach(endpoint, inside);
        return true;
      } catch (cause) {
        this.#addresses.release(endpoint);
        await this.#wiring.drop(endpoint.id);
        this.#save(away);
        throw asEndpointError(cause, endpoint);
      }
    });
  }

  // ---- the steps ----

  /** Everything that may be refused is refused here, and in one go, so that nobody gets what another has. */
  #reserve(
    request: AttachRequest,
    found: FoundTarget,
    link: string,
    network: NetworkFacts,
  ): Endpoint {
    const { id, text, names, gateway, mac } = request;
    this.#refuseTwice(id, found.namespace, request.network);
    const addresses = this.#addresses.take(request);
    const first = addresses[4] ?? addresses[6];
    if (first === undefined) throw new EndpointError('not-ready', 'this host has no subnet');
    const { namespace, container } = found;
    const place: Place = {
      namespace,
      link,
      mac: mac ?? macFor(first),
      ownMac: mac !== undefined,
      gateway,
      container,
      resolver: this.#parts.resolver.placeFor(request, namespace),
    };
    const since = this.#parts.now();
    const endpoint: Endpoint = {
      id,
      network: request.network,
      names,
      addresses,
      since,
      place,
      target: text,
      state: 'attaching',
    };
    try {
      // Its path may be too long.
      vethOf(endpoint, place, BRIDGE, network.mtu);
      this.#save(endpoint);
    } catch (cause) {
      this.#addresses.release(endpoint);
      throw asEndpointError(cause, endpoint);
    }
    this.#parts.step('attach-reserved');
    return endpoint;
  }

  async #attach(endpoint: Endpoint, inside: InsideLink): Promise<Endpoint> {
    const { place } = endpoint;
    if (place === undefined) return this.#announce(endpoint);
    await this.#wiring.stand(endpoint);
    this.#parts.step('attach-veth');
    await inside.configure(insideOf(endpoint, place, this.#required()));
    this.#parts.step('attach-inside');
    if (place.resolver !== undefined)
      this.#parts.resolver.write(endpoint, Object.values(gatewaysOf(this.#required().subnets)));
    this.#parts.step('attach-resolver');
    return this.#announce(endpoint);
  }

  #announce(endpoint: Endpoint): Endpoint {
    const attached: Endpoint = { ...endpoint, state: 'attached' };
    this.#parts.names.put(attached);
    this.#parts.step('attach-names');
    this.#save(attached);
    this.#parts.step('attach-done');
    return attached;
  }

  /** Goes on whatever fails: what is left of the pair is the reconciler's to try again. */
  async #detach(endpoint: Endpoint): Promise<void> {
    this.#save({ ...endpoint, state: 'detaching' });
    this.#parts.step('detach-begun');
    this.#parts.names.remove(endpoint.id);
    this.#parts.step('detach-names');
    this.#parts.resolver.remove(endpoint);
    this.#parts.step('detach-resolver');
    await this.#wiring.drop(endpoint.id);
    this.#parts.step('detach-veth');
    this.#forget(endpoint);
    this.#parts.step('detach-done');
    await this.#wiring.dropBridge();
  }

  /** Names and files, and nothing of the kernel's. */
  #forget(endpoint: Endpoint): void {
    this.#withdraw(endpoint);
    // Where the file cannot be removed it still holds the address.
    this.#parts.store.remove(endpoint.id);
    this.#addresses.release(endpoint);
    this.#unknow(endpoint);
  }

  #unknow(endpoint: Endpoint): void {
    this.#endpoints.delete(endpoint.id);
    this.#need();
    this.#parts.changed(endpoint.id);
  }

  #withdraw(endpoint: Endpoint): void {
    this.#parts.names.remove(endpoint.id);
    this.#parts.resolver.remove(endpoint);
  }

  /** Its namespace has gone, and the pair with it. That of a container may come back. */
  #vanish(endpoint: Endpoint): void {
    void this.#wiring.drop(endpoint.id);
    this.#withdraw(endpoint);
    this.#addresses.release(endpoint);
    const isContainer = endpoint.target.startsWith('ctr:');
    const away: Endpoint = { ...endpoint, state: 'away', since: this.#parts.now() };
    if (isContainer) this.#know(away);
    else this.#unknow(endpoint);
    try {
      if (isContainer) this.#parts.store.save(away);
      else this.#parts.store.remove(endpoint.id);
    } catch (cause) {
      // The file is out of date. The next start finds out again what this one did.
      if (!(cause instanceof FileError)) throw cause;
    }
  }

  async #stand(endpoint: Endpoint, place: Place): Promise<void> {
    await this.#wiring.stand(endpoint);
    using inside = this.#enter(place.namespace);
    await inside.configure(insideOf(endpoint, place, this.#required()));
  }

  // ---- the rest ----

  #refuseTwice(id: string, { inode }: NamespaceFile, network: string): void {
    if (this.#endpoints.size >= ENDPOINT_LIMIT)
      throw new EndpointError(
        'full',
        `this host has ${ENDPOINT_LIMIT} endpoints`,
        'detach one first',
      );
    for (const other of this.#endpoints.values()) {
      if (other.id === id || other.network !== network) continue;
      if (other.place?.namespace.inode !== inode || other.state === 'away') continue;
      const message = `this namespace is in the network ${network} already, as endpoint ${other.id} (${other.target})`;
      throw new EndpointError('exists', message, `detach it first with weft detach ${other.id}`);
    }
  }

  #save(endpoint: Endpoint): void {
    this.#parts.store.save(endpoint);
    this.#know(endpoint);
  }

  #know(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.id, endpoint);
    this.#need();
    this.#parts.changed(endpoint.id);
  }

  #need(): void {
    this.#wiring.need([...this.#endpoints.values()].some(({ state }) => state !== 'away'));
  }

  *#attached(): Iterable<Endpoint> {
    for (const endpoint of this.#endpoints.values())
      if (endpoint.state === 'attached') yield endpoint;
  }

  #required(): NetworkFacts {
    const { network } = this;
    if (network !== undefined) return network;
    throw new EndpointError('not-ready', 'this host has no subnet yet', 'see weft status');
  }

  #enter(namespace: NamespaceFile): InsideLink {
    try {
      return this.#parts.enter(namespace);
    } catch (cause) {
      throw new EndpointError('no-target', messageOf(cause), undefined, cause);
    }
  }

  async #inTurn<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#turns.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(id) === mine) this.#turns.delete(id);
    }
  }
}

async function linkFor({ link, target }: AttachRequest, inside: InsideLink): Promise<string> {
  if (link === undefined) return await inside.freeName('eth');
  if (!(await inside.has(link))) return link;
  const where = target.type === 'netns' ? target.path : target.type;
  throw new EndpointError(
    'exists',
    `there is a link ${link} in ${where} already`,
    'choose another with --ifname',
  );
}

/** With the addresses that it had, as far as they are free now. */
function requestOf(away: Endpoint, place: Place, addresses: readonly Address[]): AttachRequest {
  const { id, target: text, network, names } = away;
  return {
    id,
    target: { type: 'container', name: text.slice('ctr:'.length) },
    text,
    network,
    names,
    addresses,
    gateway: place.gateway,
    link: place.link,
    mac: place.ownMac ? place.mac : undefined,
    resolver: place.resolver !== undefined,
  };
}

function gatewaysOf(subnets: NetworkFacts['subnets']): PerFamily<Address> {
  const families = ([4, 6] as const).filter((family) => subnets[family] !== undefined);
  return Object.fromEntries(
    families.map((family) => [
      family,
      gatewayOf(subnets[family] as NonNullable<(typeof subnets)[4]>),
    ]),
  );
}

function asEndpointError(cause: unknown, { target }: Endpoint): EndpointError {
  if (cause instanceof EndpointError) return cause;
  return new EndpointError(
    'failed',
    `${target} could not be attached: ${messageOf(cause)}`,
    undefined,
    cause,
  );
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
