/**
 * The desired state: resources by key, contributed in slices (the host's own, one per lease, …), so that a
 * change of one slice costs what that slice costs. Where two slices claim one key, the first holds it and
 * the others wait.
 */
import { keyOf, same, type Key, type Resource } from './resource.ts';

export class DesiredState {
  readonly #slices = new Map<string, readonly Resource[]>();
  readonly #entries = new Map<Key, Resource>();
  readonly #waiting = new Map<Key, Resource[]>();

  /** Replaces what `slice` contributes; an empty list removes it. Returns the keys whose resource changed. */
  set(slice: string, resources: readonly Resource[]): readonly Key[] {
    const before = new Map((this.#slices.get(slice) ?? []).map((old) => [keyOf(old), old]));
    const changed: Key[] = [];
    const next = resources.map((resource) => {
      const key = keyOf(resource);
      const old = before.get(key);
      before.delete(key);
      if (old !== undefined && same(old, resource)) return old;
      if (old === undefined ? this.#claim(key, resource) : this.#replace(key, old, resource)) {
        changed.push(key);
      }
      return resource;
    });
    for (const [key, old] of before) if (this.#withdraw(key, old)) changed.push(key);
    if (next.length === 0) this.#slices.delete(slice);
    else this.#slices.set(slice, next);
    return changed;
  }

  get(key: Key): Resource | undefined {
    return this.#entries.get(key);
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): IterableIterator<[Key, Resource]> {
    return this.#entries.entries();
  }

  /** Keys that more than one slice claims. */
  contested(): IterableIterator<Key> {
    return this.#waiting.keys();
  }

  #claim(key: Key, resource: Resource): boolean {
    if (!this.#entries.has(key)) {
      this.#entries.set(key, resource);
      return true;
    }
    const queue = this.#waiting.get(key);
    if (queue === undefined) this.#waiting.set(key, [resource]);
    else queue.push(resource);
    return false;
  }

  #replace(key: Key, old: Resource, resource: Resource): boolean {
    if (this.#entries.get(key) === old) {
      this.#entries.set(key, resource);
      return true;
    }
    const queue = this.#waiting.get(key) ?? [];
    queue[queue.indexOf(old)] = resource;
    return false;
  }

  #withdraw(key: Key, old: Resource): boolean {
    const queue = this.#waiting.get(key);
    if (this.#entries.get(key) !== old) {
      queue?.splice(queue.indexOf(old), 1);
      if (queue?.length === 0) this.#waiting.delete(key);
      return false;
    }
    const heir = queue?.shift();
    if (queue?.length === 0) this.#waiting.delete(key);
    if (heir === undefined) this.#entries.delete(key);
    else this.#entries.set(key, heir);
    return heir === undefined || !same(heir, old);
  }
}
