/**
 * Addresses in networks that users have made, each of one endpoint in the whole cluster: the shell around the pools of
 * claims.ts, with this host's lease in etcd, and the waiting.
 */
import { EndpointError } from '../endpoint/errors.ts';
import { EtcdError } from '../etcd/errors.ts';
import { familyOf, type Address, type Family } from '../ip/address.ts';
import { pauseBefore, sleep, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { PerFamily } from '../state/facts.ts';
import type { AddressRegistry } from './address-registry.ts';
import { holderIn, holderText, type Holder } from './claim-value.ts';
import {
  BATCH,
  ClaimPool,
  type ClaimAnswer,
  type ClaimOutcome,
  type ClaimRefusal,
  type ClaimRequest,
} from './claims.ts';
import { noNetwork, refusal, refused } from './claim-errors.ts';
import type { NetworkDefinition } from './definition.ts';
import { refusalIn } from './subnet.ts';

export interface AddressClaimsParts {
  readonly registry: AddressRegistry;
  readonly own: Holder;
  readonly networks: {
    get(name: string): NetworkDefinition | undefined;
    onChange(listener: () => void): () => void;
  };
  /** Addresses come back so long after this host was last heard of, in ms. */
  readonly graceMs: number;
  /** Who has the address there, as far as known: `web on h2`. */
  readonly endpointAt: (network: string, address: Address) => string | undefined;
  /** Lets another host give up an address that it has in reserve; who has it there, or undefined: it was given up. Never rejects. */
  readonly askFor: (id: string, address: Address, holder: Holder) => Promise<string | undefined>;
  readonly clock: Clock;
  /** In ms; never goes back, and counts the time in which the machine slept, as etcd does. */
  readonly uptime: () => number;
  readonly random: Random;
  /** What is wrong with endpoints, by id. */
  readonly lost: (endpoint: string, why: string) => void;
}

/** In ms: who attaches waits no longer. */
const TAKE_LIMIT = 10_000;
/** So often, and so far apart in ms, it is looked whether etcd knows that an address was given up. */
const GIVE_LOOKS = 50;
const GIVE_PAUSE = 20;
/** A lease counts as ended this part of its time before etcd ends it: clocks differ, and what is given is then made ready. */
const EARLY = 1 / 16;
const RETRY: Backoff = { first: 200, factor: 2, limit: 5_000 };

interface Ticket {
  readonly settle: (outcome: Address | ClaimRefusal) => void;
}

interface Place {
  readonly network: NetworkDefinition;
  readonly family: Family;
  readonly pool: ClaimPool;
  isBusy: boolean;
  cancelWake: () => void;
}

interface Held {
  readonly id: string;
  readonly network: string;
  readonly addresses: PerFamily<Address>;
}

interface Lease {
  readonly id: string;
  /** By `uptime`: since it was asked for, or kept alive, for the last time with success. */
  since: number;
}

export class AddressClaims {
  readonly #parts: AddressClaimsParts;
  readonly #value: string;
  /** By network id and family. */
  readonly #places = new Map<string, Place>();
  /** Of endpoints that were there before this start, whose network is not known. */
  readonly #homeless = new Set<Held>();
  readonly #tickets = new Map<number, Ticket>();
  readonly #stop = new AbortController();
  #lastTicket = 0;
  #lease: Lease | undefined;
  #granting: Promise<Lease> | undefined;
  /** etcd was read once: what a process before this one left there is given back. */
  #isTidy = false;
  #unlisten: () => void = () => {};

  constructor(parts: AddressClaimsParts) {
    this.#parts = parts;
    this.#value = holderText(parts.own);
  }

  /** All that endpoints have has been held. */
  start(): void {
    this.#unlisten = this.#parts.networks.onChange(() => this.#home());
    void this.#tidy();
  }

  stop(): void {
    this.#stop.abort();
    this.#unlisten();
    for (const { cancelWake } of this.#places.values()) cancelWake();
    for (const ticket of Array.from(this.#tickets.values())) ticket.settle({ problem: 'gone' });
  }

  /** One of each family of the network: those that are asked for, else free ones. Rejects with an EndpointError, and takes none. */
  async take(
    network: string,
    { id, addresses }: { readonly id: string; readonly addresses: readonly Address[] },
  ): Promise<PerFamily<Address>> {
    const definition = this.#parts.networks.get(network);
    if (definition === undefined) throw noNetwork(network);
    const stray = addresses.find((each) => definition.subnets[familyOf(each)] === undefined);
    if (stray !== undefined) throw refused(stray, 'of a family that this network lacks');
    const families = ([4, 6] as const).filter((each) => definition.subnets[each] !== undefined);
    const results = await Promise.all(
      families.map(async (family) => {
        const asked = addresses.find((each) => familyOf(each) === family);
        return await this.#takeIn(definition, family, id, asked).catch(
          (cause: unknown) => cause as Error,
        );
      }),
    );
    const taken: Partial<Record<Family, Address>> = {};
    results.forEach((result, i) => {
      const family = families[i];
      if (!(result instanceof Error) && family !== undefined) taken[family] = result;
    });
    const failed = results.find((result) => result instanceof Error);
    if (failed === undefined) return taken;
    this.release(network, id, taken);
    throw failed;
  }

  /** It had them before this start. */
  hold(endpoint: Held): void {
    const definition = this.#parts.networks.get(endpoint.network);
    if (definition === undefined) this.#homeless.add(endpoint);
    else this.#hold(definition, endpoint);
  }

  release(network: string, id: string, addresses: PerFamily<Address>): void {
    for (const held of this.#homeless) if (held.id === id) this.#homeless.delete(held);
    for (const place of this.#places.values()) {
      const address = place.network.name === network ? addresses[place.family] : undefined;
      if (address === undefined) continue;
      place.pool.release(address, id, this.#parts.clock.now());
      this.#drive(place);
    }
  }

  /** Another host wants it: resolves with the endpoint that has it, or undefined: it is nobody's here any more. */
  async give(id: string, address: Address): Promise<string | undefined> {
    const key = keyOf(id, familyOf(address));
    for (let look = 0; look < GIVE_LOOKS; look++) {
      const place = this.#places.get(key);
      if (place?.pool.has(address) !== true) return undefined;
      const owner = place.pool.give(address);
      if (owner !== undefined) return owner;
      this.#drive(place);
      await sleep(this.#parts.clock, GIVE_PAUSE, this.#stop.signal);
    }
    return undefined;
  }

  // ---- one address ----

  async #takeIn(
    network: NetworkDefinition,
    family: Family,
    owner: string,
    asked: Address | undefined,
  ): Promise<Address> {
    const first = await this.#ticket(network, family, owner, asked);
    if (typeof first === 'string') return first;
    if (first.problem !== 'others' || asked === undefined)
      throw refusal(network, family, asked, first);
    await this.#askFor(network, asked, first.value);
    const second = await this.#ticket(network, family, owner, asked);
    if (typeof second === 'string') return second;
    throw refusal(network, family, asked, second);
  }

  /** Resolves if whoever has it has no use for it. */
  async #askFor({ id, name }: NetworkDefinition, asked: Address, value: string): Promise<void> {
    const holder = holderIn(value);
    const known = this.#parts.endpointAt(name, asked);
    if (known !== undefined || holder === undefined)
      throw refused(asked, `taken by ${known ?? 'somebody'}`);
    const user = await this.#parts.askFor(id, asked, holder);
    if (user !== undefined) throw refused(asked, `taken by ${user}`);
  }

  async #ticket(
    network: NetworkDefinition,
    family: Family,
    owner: string,
    asked: Address | undefined,
  ): Promise<Address | ClaimRefusal> {
    const { clock } = this.#parts;
    this.#loseIfOver();
    const place = this.#placeOf(network, family);
    const ticket = ++this.#lastTicket;
    return await new Promise((resolve, reject) => {
      const cancel = clock.after(TAKE_LIMIT, () => {
        this.#tickets.delete(ticket);
        place.pool.cancel(ticket);
        const what = asked === undefined ? 'no address is in reserve here' : 'it must be asked';
        reject(
          new EndpointError(
            'not-ready',
            `etcd does not answer, and ${what} for the network ${network.name}`,
            'try again when it does; see weft status',
          ),
        );
      });
      const settle = (outcome: Address | ClaimRefusal): void => {
        cancel();
        this.#tickets.delete(ticket);
        resolve(outcome);
      };
      this.#tickets.set(ticket, { settle });
      place.pool.take(ticket, owner, asked, clock.now());
      this.#drive(place);
    });
  }

  // ---- pools ----

  #placeOf(network: NetworkDefinition, family: Family): Place {
    const key = keyOf(network.id, family);
    const known = this.#places.get(key);
    if (known !== undefined) return known;
    const subnet = network.subnets[family];
    if (subnet === undefined) throw new RangeError(`${network.name} has no IPv${family} subnet`);
    const pool = new ClaimPool(subnet, this.#parts.random);
    const place = { network, family, pool, isBusy: false, cancelWake: () => {} };
    this.#places.set(key, place);
    return place;
  }

  #hold(network: NetworkDefinition, { id, addresses }: Held): void {
    for (const address of Object.values(addresses)) {
      const subnet = network.subnets[familyOf(address)];
      const refusalText =
        subnet === undefined ? 'of a family that it lacks' : refusalIn(subnet, address);
      if (refusalText !== undefined) {
        const why = `its address ${address} in ${network.name} is ${refusalText}, as this is another network than it was`;
        this.#parts.lost(id, `${why}: detach it and attach it again`);
        continue;
      }
      const place = this.#placeOf(network, familyOf(address));
      place.pool.hold(address, id, false);
      this.#drive(place);
    }
  }

  /** Networks that came to be known, or are others of the same name: whoever has an address there claims it in that one. */
  #home(): void {
    for (const place of Array.from(this.#places.values())) {
      const { name, id } = place.network;
      const now = this.#parts.networks.get(name);
      if (now !== undefined && now.id !== id) this.#move(place, now);
    }
    for (const held of Array.from(this.#homeless)) {
      const network = this.#parts.networks.get(held.network);
      if (network === undefined) continue;
      this.#homeless.delete(held);
      this.#hold(network, held);
    }
  }

  #move(from: Place, network: NetworkDefinition): void {
    for (const [address, id] of Array.from(from.pool.inUse())) {
      from.pool.release(address, id, this.#parts.clock.now());
      this.#hold(network, { id, network: network.name, addresses: { [from.family]: address } });
    }
    this.#drive(from);
  }

  #drive(place: Place): void {
    this.#loseIfOver();
    this.#settle(place);
    place.cancelWake();
    if (place.isBusy || !this.#isTidy || this.#stop.signal.aborted) return;
    const { clock } = this.#parts;
    const request = place.pool.next(clock.now());
    this.#settle(place);
    if (request !== undefined) {
      place.isBusy = true;
      void this.#ask(place, request);
      return;
    }
    if (place.pool.isIdle) {
      this.#places.delete(keyOf(place.network.id, place.family));
      return;
    }
    const wakeAt = place.pool.wakeAt(clock.now());
    if (wakeAt === Infinity) return;
    const pause = Math.max(1, wakeAt - clock.now());
    place.cancelWake = clock.after(pause, () => this.#drive(place));
  }

  async #ask(place: Place, request: ClaimRequest): Promise<void> {
    const answer = await this.#perform(place, request);
    place.isBusy = false;
    place.pool.answered(answer, this.#parts.clock.now());
    this.#drive(place);
  }

  #settle({ pool, network }: Place): void {
    for (const outcome of pool.outcomes()) this.#tell(outcome, network);
  }

  #tell(outcome: ClaimOutcome, { name }: NetworkDefinition): void {
    if (outcome.type === 'given') this.#tickets.get(outcome.ticket)?.settle(outcome.address);
    if (outcome.type === 'refused') this.#tickets.get(outcome.ticket)?.settle(outcome.why);
    if (outcome.type !== 'lost') return;
    const host = holderIn(outcome.value)?.name ?? 'another host';
    this.#parts.lost(
      outcome.owner,
      `its address ${outcome.address} in ${name} is an endpoint's on ${host} now, as this host was away for too long: detach it and attach it again`,
    );
  }

  // ---- etcd ----

  async #perform({ network }: Place, request: ClaimRequest): Promise<ClaimAnswer> {
    const { registry } = this.#parts;
    try {
      if (request.type === 'list') {
        const entries = await registry.list(network.id);
        const others = entries.filter(({ value }) => value !== this.#value);
        return { type: 'listed', others: others.map(({ address }) => address) };
      }
      if (request.type === 'drop') {
        await registry.drop(network.id, request.addresses, this.#value);
        return { type: 'dropped' };
      }
      const lease = await this.#leased();
      const taken = await registry.claim(network, request.addresses, this.#value, lease.id);
      this.#loseIfOver();
      // The lease ended meanwhile, and the keys with it.
      if (lease !== this.#lease) return { type: 'failed' };
      return taken === undefined ? { type: 'gone' } : { type: 'claimed', taken };
    } catch (cause) {
      if (!(cause instanceof EtcdError)) throw cause;
      if (cause.code === 'ETCD_LEASE_NOT_FOUND') this.#loseLease();
      return { type: 'failed' };
    }
  }

  async #leased(): Promise<Lease> {
    this.#loseIfOver();
    if (this.#lease !== undefined) return this.#lease;
    this.#granting ??= this.#grant().finally(() => {
      this.#granting = undefined;
    });
    const lease = await this.#granting;
    if (this.#lease === undefined) {
      this.#lease = lease;
      void this.#keep(lease);
    }
    return this.#lease;
  }

  async #grant(): Promise<Lease> {
    const since = this.#parts.uptime();
    return { id: await this.#parts.registry.grant(Math.ceil(this.#parts.graceMs / 1000)), since };
  }

  /** Until it ends. Never rejects. */
  async #keep(lease: Lease): Promise<void> {
    const { registry, clock, graceMs, uptime } = this.#parts;
    while (this.#lease === lease && !this.#stop.signal.aborted) {
      // Three tries and more before it ends.
      await sleep(clock, Math.min(graceMs / 4, 60_000), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      const sentAt = uptime();
      const seconds = await registry.keepAlive(lease.id).catch(() => undefined);
      if (seconds !== undefined && seconds > 0) lease.since = sentAt;
      else if (this.#lease !== lease) return;
      else if (seconds === 0) this.#loseLease();
      else this.#loseIfOver();
    }
  }

  /** etcd cannot be reached, or the machine slept: by now others may have what the lease held. */
  #loseIfOver(): void {
    if (this.#lease === undefined) return;
    const { uptime, graceMs } = this.#parts;
    if (uptime() - this.#lease.since >= graceMs * (1 - EARLY)) this.#loseLease();
  }

  #loseLease(): void {
    this.#lease = undefined;
    for (const place of this.#places.values()) {
      place.pool.leaseLost();
      this.#drive(place);
    }
  }

  /**
   * What stands in etcd for this host, as an earlier process left it, and no endpoint has is given back. What endpoints
   * have is claimed anew by their pools; a value of an earlier name of this host is made way for. Never rejects.
   */
  async #tidy(): Promise<void> {
    const { clock, random } = this.#parts;
    for (let failures = 0; !this.#stop.signal.aborted; failures++) {
      try {
        await this.#tidyNow();
        break;
      } catch (cause) {
        if (!(cause instanceof EtcdError)) throw cause;
        await sleep(clock, pauseBefore(failures, RETRY, random), this.#stop.signal);
      }
    }
    this.#isTidy = true;
    for (const place of Array.from(this.#places.values())) this.#drive(place);
  }

  async #tidyNow(): Promise<void> {
    const { registry, own } = this.#parts;
    const garbage = new Map<string, { id: string; value: string; addresses: Address[] }>();
    for (const { id, address, value } of await registry.list()) {
      if (holderIn(value)?.host !== own.host) continue;
      if (this.#isHeld(id, address) && value === this.#value) continue;
      const key = `${id} ${value}`;
      const found = garbage.get(key) ?? { id, value, addresses: [] };
      found.addresses.push(address);
      garbage.set(key, found);
    }
    for (const { id, value, addresses } of garbage.values())
      for (let at = 0; at < addresses.length; at += BATCH)
        await registry.drop(id, addresses.slice(at, at + BATCH), value);
  }

  #isHeld(id: string, address: Address): boolean {
    const pool = this.#places.get(keyOf(id, familyOf(address)))?.pool;
    if (pool?.ownerOf(address) !== undefined) return true;
    return [...this.#homeless].some(({ addresses }) => Object.values(addresses).includes(address));
  }
}

function keyOf(id: string, family: Family): string {
  return `${id} ${family}`;
}
