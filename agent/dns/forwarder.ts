/** What is not ours: kept answers, and questions to other servers, within bounds. */
import { Cache } from '../../controlplane/dns/cache.ts';
import type { Query } from '../../controlplane/dns/query.ts';
import { writeResponse, type Response } from '../../controlplane/dns/response.ts';
import type { AskerKey } from '../../controlplane/dns/shares.ts';
import { keyOf } from '../../controlplane/dns/upstream-query.ts';
import { Upstreams } from '../../controlplane/dns/upstreams.ts';
import { Lookup } from './lookup.ts';

/** Questions that others are asked at one time; of one asker. */
const LOOKUPS = 512;
const OF_ASKER = 128;
/** Who wait for one answer. */
const WAITERS = 256;
const CACHE = { entries: 10_000, bytes: 8 * 1024 * 1024, message: 4_096 };

type Told = (response: Response | undefined) => void;

interface Pending {
  readonly lookup: Lookup;
  readonly waiters: { readonly asker: AskerKey; readonly told: Told }[];
}

export class Forwarder {
  readonly #upstreams: Upstreams;
  readonly #cache = new Cache(CACHE);
  readonly #pending = new Map<string, Pending>();
  readonly #askers = new Map<AskerKey, number>();

  constructor(random: () => number) {
    this.#upstreams = new Upstreams(random);
  }

  get waiting(): number {
    return this.#pending.size;
  }

  get kept(): number {
    return this.#cache.size;
  }

  /** Others may know other things: what is kept goes. */
  setServers(servers: readonly string[]): void {
    if (servers.join() === this.#upstreams.servers.join()) return;
    this.#upstreams.set(servers);
    this.#cache.clear();
  }

  /** Writes a kept answer to `out`, and returns its length; 0: there is none. */
  writeKept(out: Uint8Array, asked: Uint8Array, query: Query, limit: number): number {
    const kept = this.#cache.get(keyOf(asked, query), performance.now());
    return kept === undefined
      ? 0
      : writeResponse(out, asked, query, kept.response, kept.age, limit);
  }

  /** `asked` is the caller's own copy. `told` is called later, and once; undefined: nobody could tell. False: too much is asked. */
  ask(asked: Uint8Array, query: Query, asker: AskerKey, told: Told): boolean {
    const mine = this.#askers.get(asker) ?? 0;
    if (mine >= OF_ASKER) return false;
    const key = keyOf(asked, query);
    const pending = this.#pending.get(key);
    if (pending === undefined && this.#pending.size >= LOOKUPS) return false;
    if (pending !== undefined && pending.waiters.length >= WAITERS) return false;
    this.#askers.set(asker, mine + 1);
    if (pending !== undefined) {
      pending.waiters.push({ asker, told });
      return true;
    }
    const lookup = new Lookup(this.#upstreams, asked, query, (response) =>
      this.#found(key, response),
    );
    this.#pending.set(key, { lookup, waiters: [{ asker, told }] });
    return true;
  }

  close(): void {
    for (const { lookup } of this.#pending.values()) lookup.close();
    this.#pending.clear();
  }

  #found(key: string, response: Response | undefined): void {
    const { waiters = [] } = this.#pending.get(key) ?? {};
    this.#pending.delete(key);
    if (response !== undefined) this.#cache.put(key, response, performance.now());
    for (const { asker, told } of waiters) {
      const left = (this.#askers.get(asker) ?? 1) - 1;
      if (left === 0) this.#askers.delete(asker);
      else this.#askers.set(asker, left);
      told(response);
    }
  }
}
