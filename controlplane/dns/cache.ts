/** Answers of other servers, until their time is over; of too many, those not asked for the longest go. Pure. */
import type { Response } from './response.ts';

interface Entry {
  readonly response: Response;
  /** In ms. */
  readonly since: number;
  readonly until: number;
}

export interface CacheLimits {
  readonly entries: number;
  /** Of all messages together. */
  readonly bytes: number;
  /** One that is longer is not kept. */
  readonly message: number;
}

export class Cache {
  readonly #limits: CacheLimits;
  /** The one not asked for the longest first. */
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** With its age in whole seconds. */
  get(key: string, now: number): { readonly response: Response; readonly age: number } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (now >= entry.until) {
      this.#bytes -= entry.response.message.length;
      return undefined;
    }
    this.#entries.set(key, entry);
    return { response: entry.response, age: Math.floor((now - entry.since) / 1000) };
  }

  put(key: string, response: Response, now: number): void {
    const { message, lifetime } = response;
    this.#remove(key);
    if (lifetime <= 0 || message.length > this.#limits.message) return;
    this.#entries.set(key, { response, since: now, until: now + lifetime * 1000 });
    this.#bytes += message.length;
    while (this.#entries.size > this.#limits.entries || this.#bytes > this.#limits.bytes)
      this.#remove(this.#entries.keys().next().value as string);
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.response.message.length;
  }
}
