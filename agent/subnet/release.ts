/** Gives this host's lease back: for an operator who takes the host out of the mesh for good, never on an ordinary stop. */
import type { Address } from '../ip/address.ts';
import { parseLeaseValue } from './lease-value.ts';
import { isRefused } from './parsed.ts';
import type { Registry, RegistryEntry } from './registry.ts';

/**
 * Deletes every lease that weft wrote for `node` and that publishes one of `addresses` (two hosts cloned from one
 * image have one node id), each only if it is still as it was read. Returns the keys deleted; rejects with an
 * EtcdError.
 */
export async function releaseLeases(
  registry: Registry,
  node: string,
  addresses: ReadonlySet<Address>,
): Promise<string[]> {
  const { revision, slices } = await registry.list();
  const released: string[] = [];
  for await (const slice of slices) {
    for (const entry of slice) {
      if (!isOwn(entry, node, addresses)) continue;
      const { done } = await registry.remove(entry.key, entry.modRevision, revision);
      if (done) released.push(entry.key);
    }
  }
  return released;
}

function isOwn({ value }: RegistryEntry, node: string, addresses: ReadonlySet<Address>): boolean {
  const parsed = parseLeaseValue(value);
  if (isRefused(parsed) || parsed.value.node !== node) return false;
  return Object.values(parsed.value.publicAddresses).some((address) => addresses.has(address));
}
