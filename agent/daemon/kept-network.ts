/**
 * The network configuration that this host runs, kept in the state directory: a start goes on from it (daemon.ts). While
 * the mesh of a former backend stands, it is the one of that mesh; of several, the last that was given up.
 */
import { join } from 'node:path';
import { FileError, readIfThere, writeAtomically } from '../config/atomic-file.ts';
import { isPossible } from './cut-off.ts';
import type { NetworkConfig } from '../state/facts.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { isRefused } from '../subnet/parsed.ts';
import type { Log } from '../subnet/service.ts';
import type { Planner } from './planner.ts';

/** A network configuration, and how it stands in etcd. */
export interface FoundNetwork {
  readonly network: NetworkConfig;
  readonly text: string;
}

/** There may be a secret among the backend's options. */
const MODE = 0o600;

export function keptNetworkFileIn(stateDir: string): string {
  return join(stateDir, 'network.json');
}

/** Undefined where there is none, or one that weft cannot carry out. Throws FileError. */
export function readKeptNetwork(stateDir: string): FoundNetwork | undefined {
  const path = keptNetworkFileIn(stateDir);
  const text = readIfThere(path);
  const parsed = text === undefined ? undefined : parseNetworkConfig(text, path);
  if (text === undefined || parsed === undefined || isRefused(parsed)) return undefined;
  return isPossible(parsed.value) ? { network: parsed.value, text } : undefined;
}

export class KeptNetwork {
  readonly #stateDir: string;
  readonly #planner: Pick<Planner, 'facts' | 'formers'>;
  readonly #log: Log;

  constructor(stateDir: string, planner: Pick<Planner, 'facts' | 'formers'>, log: Log) {
    this.#stateDir = stateDir;
    this.#planner = planner;
    this.#log = log;
  }

  /** As readKeptNetwork. */
  read(): FoundNetwork | undefined {
    return readKeptNetwork(this.#stateDir);
  }

  /** `found` is about to take the place of `running`, whose mesh comes to stand beside if it is of another backend. */
  takeUp(running: FoundNetwork | undefined, found: FoundNetwork): void {
    const standing = this.#planner.facts?.network.backend.type;
    if (standing === undefined || standing === found.network.backend.type) this.settle(found);
    else if (standing === running?.network.backend.type) this.#keep(running);
  }

  /** What runs is gone on from as soon as no former mesh stands. */
  settle(running: FoundNetwork | undefined): void {
    if (running !== undefined && this.#planner.formers.size === 0) this.#keep(running);
  }

  #keep({ text }: FoundNetwork): void {
    try {
      writeAtomically(keptNetworkFileIn(this.#stateDir), text, MODE);
    } catch (cause) {
      if (!(cause instanceof FileError)) throw cause;
      this.#log.warn({}, cause.message);
    }
  }
}
