/** This host's WireGuard key for the backends, read or made when it is first asked for. */
import { dirname, join } from 'node:path';
import { FileError } from '../config/atomic-file.ts';
import type { Config } from '../config/config.ts';
import {
  KeyFileError,
  loadWireguardKey,
  randomPublicKey,
  readWireguardKey,
} from '../config/wireguard-key.ts';
import type { PublicKey } from '../state/wireguard.ts';

type Places = Pick<Config, 'stateDir' | 'subnetFile'>;

/** The same at each call, whatever becomes of the file. Throws FileError and KeyFileError. */
export function wireguardKeyOf(config: Places): () => PublicKey {
  let known: PublicKey | undefined;
  return () => (known ??= loadWireguardKey(config.stateDir, flanneldFiles(config)).publicKey);
}

/** For a dry run: nothing is written, so that a host that has none yet shows a key it will not have. Throws as above. */
export function plannedKeyOf(config: Places): () => PublicKey {
  let made: PublicKey | undefined;
  return () =>
    readWireguardKey(config.stateDir, flanneldFiles(config)) ?? (made ??= randomPublicKey());
}

/** What is wrong with the key, if that is the cause, in one sentence. */
export function keyProblem(cause: unknown): string | undefined {
  return cause instanceof FileError || cause instanceof KeyFileError ? cause.message : undefined;
}

/** Where flanneld keeps its own: as it is told, else beside subnet.env. */
function flanneldFiles({ subnetFile }: Places): string[] {
  const told = process.env['WIREGUARD_KEY_FILE'] ?? '';
  return told === '' ? [join(dirname(subnetFile), 'wgkey')] : [told];
}
