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
import type { Address } from '../ip/address.ts';
import { containsAddress } from '../ip/prefix.ts';
import type { NamespaceFile } from '../state/veth.ts';
import { AddressBook } from './address-book.ts';
import type { Endpoint, Place } from './endpoint.ts';
import { asEndpointError, EndpointError, messageOf } from './errors.ts';
import { endpointFrom, linkFor, requestOf } from './from-request.ts';
import type { AttachmentParts, FoundTarget, InsideLink } from './parts.ts';
import { insideOf, vethOf, type FoundBridge, type InsidePlan, type NetworkFacts } from './plan.ts';
import { DEFAULT_NETWORK, type AttachRequest } from './request.ts';
import { sharedBy, waysOut, type Membership } from './ways-out.ts';
import { refuseLinkTwice, refuseTwice } from './refusals.ts';
import { ifPossible } from './store.ts';
import { Turns } from './turns.ts';
import { Wiring } from './wiring.ts';

export class Attachments {
  readonly #parts: AttachmentParts;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #addresses: AddressBook;
  /** Ids of those whose names are withdrawn, as their addresses are strangers here. */
  readonly #unsaid = new Set<string>();
  /**
   * What is under way at each endpoint, and in each namespace; the next waits for it. Whoever has an endpoint's turn may
   * wait for its namespace's, and who has either of them for no other.
   */
  readonly #turns = new Turns();
  readonly #wiring: Wiring;

  constructor(parts: AttachmentParts) {
    this.#parts = parts;
    this.#addresses = new AddressBook(parts.random, parts.claims);
    this.#wiring = new Wiring(parts.kernel);
  }

  list(): Iterable<Endpoint> {
    return this.#endpoints.values();
  }

  get(id: string): Endpoint | undefined {
    return this.#endpoints.get(id);
  }

  network(name: string = DEFAULT_NETWORK): NetworkFacts | undefined {
    return this.#wiring.network(name);
  }

  bridge(name: string = DEFAULT_NETWORK): string | undefined {
    return this.#wiring.bridge(name);
  }

  /** What it is given inside; undefined of the host itself, and while its network is not known. */
  inside(endpoint: Endpoint): InsidePlan | undefined {
    const { place, network } = endpoint;
    if (place === undefined || this.network(network) === undefined) return undefined;
    return this.#insideOf(endpoint, place);
  }

  /** Networks in which this host has endpoints, or is about to. */
  get joined(): ReadonlySet<string> {
    return this.#wiring.needed;
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
        if (state !== 'away') this.#addresses.hold(endpoint);
        const hasGone =
          place !== undefined && !this.#parts.isThere(place.namespace) && !isStanding(id);
        if (state === 'attached' && hasGone) this.#vanish(endpoint);
        else if (state === 'attached') this.#parts.names.put(endpoint);
      }
    }
    this.#need();
  }

  /**
   * A network as it is on this host now; undefined: nothing is known, and what stands stays. Returns whether it is
   * another than before.
   */
  setNetwork(name: string, network: NetworkFacts | undefined): boolean {
    const before = this.network(name);
    if (network === undefined || JSON.stringify(network) === JSON.stringify(before)) return false;
    this.#wiring.plan(name, network, this.#attached());
    if (name === DEFAULT_NETWORK)
      this.#addresses.begin(network, this.bridge(), this.#endpoints.values());
    this.#saySome(name);
    return before !== undefined;
  }

  /** There are these networks of users, and no others. */
  forgetOthers(known: ReadonlySet<string>): void {
    this.#wiring.forget(known);
  }

  /** A name must not lead to an address that is another host's by now. */
  #saySome(network: string): void {
    const strangers = new Set(this.strangers());
    for (const endpoint of this.#attached()) {
      if (endpoint.network !== network) continue;
      const { id } = endpoint;
      if (strangers.has(endpoint)) {
        this.#parts.names.remove(id);
        this.#unsaid.add(id);
      } else if (this.#unsaid.delete(id)) this.#parts.names.put(endpoint);
    }
  }

  /** The bridges of others. */
  setBridges(others: readonly FoundBridge[]): void {
    const before = this.bridge();
    this.#wiring.setOthers(others, this.#attached());
    const network = this.network();
    if (network !== undefined && this.bridge() !== before)
      this.#addresses.begin(network, this.bridge(), this.#endpoints.values());
  }

  /** Endpoints whose addresses are not of their network's subnet any more. */
  *strangers(): Iterable<Endpoint> {
    for (const endpoint of this.#attached()) {
      const { network, addresses } = endpoint;
      const subnets = Object.values(this.network(network)?.subnets ?? {});
      const isStranger =
        subnets.length > 0 &&
        Object.values(addresses).some(
          (address) => !subnets.some((subnet) => containsAddress(subnet, address)),
        );
      if (isStranger) yield endpoint;
    }
  }

  /** Sets right what is inside, of every endpoint; rejects never. `told`: what could not be. */
  async refresh(told: (id: string, why: string | undefined) => void): Promise<void> {
    for (const { id } of Array.from(this.#endpoints.values()))
      await this.#standAgain(id).then(
        (isStanding) => isStanding && told(id, undefined),
        (cause: unknown) => told(id, messageOf(cause)),
      );
  }

  /** False: it is not attached by now. Rejects with an Error of one sentence. */
  async #standAgain(id: string): Promise<boolean> {
    return await this.#turns.take(id, async () => {
      const endpoint = this.#endpoints.get(id);
      if (endpoint?.state !== 'attached' || endpoint.place === undefined) return false;
      // Its process may have gone, and the namespace live on.
      if (!this.#parts.isThere(endpoint.place.namespace)) return false;
      await this.#stand(endpoint, endpoint.place);
      return true;
    });
  }

  /** The same id again is the same endpoint. Rejects with an EndpointError, and everything is as before. */
  async attach(request: AttachRequest): Promise<Endpoint> {
    return await this.#turns.take(request.id, async () => {
      const known = this.#endpoints.get(request.id);
      if (known?.target === request.text && known.state === 'attached') return known;
      if (known !== undefined)
        throw new EndpointError(
          'exists',
          `endpoint ${request.id} is ${known.target}`,
          'choose another id',
        );
      refuseLinkTwice(this.#endpoints.keys(), request.id);
      const refusal = await this.#parts.refusal(request.network);
      if (refusal !== undefined) throw refusal;
      this.#required(request.network);
      const found = await this.#parts.find(request.target);
      return await this.#inNamespace(found.namespace, () => this.#join(request, found));
    });
  }

  async #join(request: AttachRequest, found: FoundTarget): Promise<Endpoint> {
    using inside = this.#enter(found.namespace);
    const link = await linkFor(request, inside);
    const endpoint = await this.#reserve(request, found, link);
    try {
      return await this.#attach(endpoint, inside);
    } catch (cause) {
      await this.#detach(endpoint);
      // Not waited for: the others may wait for this turn.
      void this.#openWaysBeside(endpoint);
      throw asEndpointError(cause, endpoint.target);
    }
  }

  /** The host itself: it has the gateway's addresses, and gets a name. */
  async expose(id: string, network: string, names: readonly string[]): Promise<Endpoint> {
    if (network !== DEFAULT_NETWORK)
      throw new EndpointError(
        'usage',
        `every host has the gateway of ${network}, so that none has a name there`,
        `leave the network out: ${DEFAULT_NETWORK} is the one that hosts can join`,
      );
    return await this.#turns.take(id, async () => {
      const known = [...this.#endpoints.values()].find(({ place }) => place === undefined);
      if (known?.id === id) return known;
      if (known !== undefined)
        throw new EndpointError(
          'exists',
          `this host is exposed as ${known.names.join(', ')}`,
          'hide it first with weft hide',
        );
      const { gateways: addresses } = this.#required(network);
      const since = this.#parts.now();
      const endpoint: Endpoint = {
        id,
        network,
        names,
        addresses,
        ports: [],
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
        throw asEndpointError(cause, endpoint.target);
      }
    });
  }

  /** Resolves when all of it has gone; false: there was none. */
  async detach(id: string): Promise<boolean> {
    const gone = await this.#turns.take(id, async () => {
      const endpoint = this.#endpoints.get(id);
      if (endpoint !== undefined) await this.#detach(endpoint);
      return endpoint;
    });
    if (gone !== undefined) await this.#openWaysBeside(gone);
    return gone !== undefined;
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
    await this.#turns.take(id, async () => {
      const endpoint = this.#endpoints.get(id);
      if (endpoint?.state !== 'attached' || endpoint.place === undefined) return;
      await this.#stand(endpoint, endpoint.place);
    });
  }

  /** Attaches what is back of what had gone away; false: it is not. Rejects with an EndpointError. */
  async welcome(id: string): Promise<boolean> {
    return await this.#turns.take(id, async () => {
      const away = this.#endpoints.get(id);
      if (away?.state !== 'away' || away.place === undefined) return false;
      if (this.network(away.network) === undefined) return false;
      const request = requestOf(away, away.place);
      const found = await this.#parts.find(request.target);
      await this.#inNamespace(found.namespace, () => this.#rejoin(away, request, found));
      return true;
    });
  }

  async #rejoin(away: Endpoint, request: AttachRequest, found: FoundTarget): Promise<void> {
    using inside = this.#enter(found.namespace);
    const { link: former = '' } = request;
    const link = (await inside.has(former)) ? await inside.freeName('eth') : former;
    const endpoint = await this.#reserve(request, found, link, 'former');
    try {
      await this.#attach(endpoint, inside);
    } catch (cause) {
      this.#addresses.release(endpoint);
      await this.#wiring.drop(endpoint.id);
      this.#saveIfPossible(away);
      void this.#openWaysBeside(endpoint);
      throw asEndpointError(cause, endpoint.target);
    }
  }

  // ---- the steps ----

  /**
   * Everything that may be refused is refused here. Addresses are the endpoint's own once they are taken, and the rest is
   * done in one go, so that nobody gets what another has. `former`: addresses that it had, where they are free.
   */
  async #reserve(
    request: AttachRequest,
    found: FoundTarget,
    link: string,
    which: 'asked' | 'former' = 'asked',
  ): Promise<Endpoint> {
    refuseTwice(this.#endpoints, request.id, found.namespace, request.network);
    const addresses = await this.#addresses.take(request, which);
    const { id, network } = request;
    try {
      refuseTwice(this.#endpoints, id, found.namespace, network);
      const since = this.#parts.now();
      const resolver = this.#parts.resolver.placeFor(request, found.namespace);
      const endpoint = endpointFrom(request, found, { link, addresses, since, resolver });
      const { bridge, mtu } = this.#required(network);
      // Its path may be too long.
      vethOf(endpoint, endpoint.place, bridge, mtu);
      this.#save(endpoint);
      this.#parts.step('attach-reserved');
      return endpoint;
    } catch (cause) {
      this.#addresses.release({ id, network, addresses });
      throw asEndpointError(cause, request.text);
    }
  }

  async #attach(endpoint: Endpoint, inside: InsideLink): Promise<Endpoint> {
    const { place } = endpoint;
    if (place === undefined) return this.#announce(endpoint);
    await this.#wiring.stand(endpoint);
    this.#parts.step('attach-veth');
    await inside.configure(this.#insideOf(endpoint, place));
    this.#parts.step('attach-inside');
    if (place.dnsInside) await this.#parts.answeredInside(endpoint);
    if (place.resolver !== undefined) {
      const { gateways } = this.#required(endpoint.network);
      this.#parts.resolver.write(endpoint, Object.values(gateways));
    }
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
    this.#saveIfPossible({ ...endpoint, state: 'detaching' });
    this.#parts.step('detach-begun');
    this.#parts.names.remove(endpoint.id);
    this.#parts.step('detach-names');
    this.#parts.resolver.remove(endpoint);
    this.#parts.step('detach-resolver');
    await this.#wiring.drop(endpoint.id);
    this.#parts.step('detach-veth');
    this.#forget(endpoint);
    this.#parts.step('detach-done');
    await this.#wiring.dropBridge(endpoint.network);
  }

  /** Its way out may have been that of its namespace, of those too that are just being attached to it. Never rejects. */
  async #openWaysBeside({ id: gone, place }: Endpoint): Promise<void> {
    const inode = place?.namespace.inode;
    if (inode === undefined) return;
    const others = [...this.#endpoints.values()].filter(
      (other) => other.id !== gone && other.place?.namespace.inode === inode,
    );
    // What cannot be set right now is looked at again by refresh.
    for (const { id } of others) await this.#standAgain(id).catch(() => undefined);
  }

  /** The others that are attached to its namespace. */
  #beside({ id, place }: Endpoint): readonly Membership[] {
    const inode = place?.namespace.inode;
    return this.#members().filter(
      ({ endpoint }) => endpoint.id !== id && endpoint.place?.namespace.inode === inode,
    );
  }

  /** All that are attached to a namespace. */
  #members(): Membership[] {
    return [...this.#attached()].flatMap((endpoint) => {
      const network = this.network(endpoint.network);
      return endpoint.place === undefined || network === undefined ? [] : { endpoint, network };
    });
  }

  /** Addresses of those whose namespace is in several networks, and which these are, the first one first. */
  shared(): ReadonlyMap<Address, readonly string[]> {
    return sharedBy(this.#members());
  }

  #insideOf(endpoint: Endpoint, place: Place): InsidePlan {
    const network = this.#required(endpoint.network);
    const ways = waysOut({ endpoint, network }, this.#beside(endpoint));
    return insideOf(endpoint, place, network, ways);
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
    this.#unsaid.delete(endpoint.id);
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
    if (isContainer) {
      this.#saveIfPossible({ ...endpoint, state: 'away', since: this.#parts.now() });
      return;
    }
    this.#unknow(endpoint);
    ifPossible(() => this.#parts.store.remove(endpoint.id));
  }

  async #stand(endpoint: Endpoint, place: Place): Promise<void> {
    await this.#inNamespace(place.namespace, async () => {
      await this.#wiring.stand(endpoint);
      using inside = this.#enter(place.namespace);
      await inside.configure(this.#insideOf(endpoint, place));
    });
  }

  // ---- the rest ----

  #save(endpoint: Endpoint): void {
    this.#parts.store.save(endpoint);
    this.#know(endpoint);
  }

  /** On a disk that is full the file is out of date, and a start finds out again what this one did. */
  #saveIfPossible(endpoint: Endpoint): void {
    ifPossible(() => this.#parts.store.save(endpoint));
    this.#know(endpoint);
  }

  #know(endpoint: Endpoint): void {
    this.#endpoints.set(endpoint.id, endpoint);
    this.#need();
    this.#parts.changed(endpoint.id);
  }

  #need(): void {
    const present = [...this.#endpoints.values()].filter(({ state }) => state !== 'away');
    this.#wiring.need(new Set(present.map(({ network }) => network)));
  }

  *#attached(): Iterable<Endpoint> {
    for (const endpoint of this.#endpoints.values())
      if (endpoint.state === 'attached') yield endpoint;
  }

  #required(name: string): NetworkFacts {
    const network = this.network(name);
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

  /** Those of one namespace see each other's links, and agree on its way out. */
  async #inNamespace<T>({ inode }: NamespaceFile, work: () => Promise<T>): Promise<T> {
    return await this.#turns.take(`namespace ${inode}`, work);
  }
}
