/** The network configuration that this host runs, kept in the state directory: a start goes on from it (daemon.ts). */
import { join } from 'node:path';
import { readIfThere, writeAtomically } from '../config/atomic-file.ts';
import { isPossible } from './cut-off.ts';
import type { NetworkConfig } from '../state/facts.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { isRefused } from '../subnet/parsed.ts';

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

/** Throws FileError. */
export function keepNetwork(stateDir: string, { text }: FoundNetwork): void {
  writeAtomically(keptNetworkFileIn(stateDir), text, MODE);
}
