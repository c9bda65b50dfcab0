/** What a host knows beyond its table: subnets that answers of the registry showed taken, till the watch has told them too. */
import type { Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';
import { subnetsIn } from './key.ts';
import { PrefixIndex } from './prefix-index.ts';
import type { Written } from './registry.ts';

export class Ahead {
  #index = new PrefixIndex();
  #revision = 0;

  /** Together with a table of `listed`, everything created up to here is known. */
  since(listed: number): number {
    return Math.max(this.#revision, listed);
  }

  overlaps(subnet: Prefix): boolean {
    return this.#index.overlaps(subnet);
  }

  add(subnets: PerFamily<Prefix>, key: string): void {
    for (const subnet of Object.values(subnets)) this.#index.add(subnet, key);
  }

  /** All that was created since, but our own key. */
  learn({ newcomers, revision }: Written, ownKey: string): void {
    for (const { key } of newcomers) if (key !== ownKey) this.add(subnetsIn(key), key);
    this.#revision = Math.max(this.#revision, revision);
  }

  /** The table has come up to `listed`. */
  caughtUp(listed: number): void {
    if (this.#revision <= listed && this.#index.size > 0) this.forget();
  }

  forget(): void {
    this.#index = new PrefixIndex();
    this.#revision = 0;
  }
}
