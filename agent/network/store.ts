/** The networks as last known, kept in the state directory: a start without etcd has them. */
import { join } from 'node:path';
import { readIfThere, writeAtomically } from '../config/atomic-file.ts';
import { isRefused, isObject } from '../subnet/parsed.ts';
import { formatDefinition, parseDefinition, type NetworkDefinition } from './definition.ts';

const MODE = 0o644;

export function networkFileIn(stateDir: string): string {
  return join(stateDir, 'networks.json');
}

export class NetworkStore {
  readonly #path: string;

  constructor(stateDir: string) {
    this.#path = networkFileIn(stateDir);
  }

  /** What of it is damaged is left out: etcd has it. Throws FileError. */
  load(): NetworkDefinition[] {
    const file = jsonIn(readIfThere(this.#path) ?? '{}');
    const networks = isObject(file) && isObject(file['networks']) ? file['networks'] : {};
    return Object.entries(networks).flatMap(([name, definition]) => {
      const parsed = parseDefinition(name, JSON.stringify(definition));
      return isRefused(parsed) ? [] : [parsed.value];
    });
  }

  /** Throws FileError. */
  save(networks: Iterable<NetworkDefinition>): void {
    const all = [...networks].map((each) => [each.name, JSON.parse(formatDefinition(each))]);
    const file = { version: 1, networks: Object.fromEntries(all) as object };
    writeAtomically(this.#path, `${JSON.stringify(file, undefined, 2)}\n`, MODE);
  }
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
