/** Gives this host's lease back: for an operator who takes the host out of the mesh for good, never on an ordinary stop. */
import type { Address } from '../ip/address.ts';
import type { PerFamily } from '../state/facts.ts';
import { parseLeaseValue } from './lease-value.ts';
import { isRefused } from './parsed.ts';
import type { Registry, RegistryEntry } from './registry.ts';

/**
 * Deletes every lease that weft wrote for `node`, each only if it is still as it was read. With `addresses`,
 * only those that publish one of them: two hosts cloned from one image have one node id. Returns the keys
 * deleted; rejects with an EtcdError.
 */
export async function releaseLeases(
  registry: Registry,
  node: string,
  addresses: PerFamily<Address> = {},
): Promise<string[]> {
  const { revision, slices } = await registry.list();
  const released: string[] = [];
  for await (const slice of slices) {
    for (const entry of slice) {
      if (!isOwn(entry, node, Object.values(addresses))) continue;
      const { done } = await registry.remove(entry.key, entry.modRevision, revision);
      if (done) released.push(entry.key);
    }
  }
  return released;
}

function isOwn({ value }: RegistryEntry, node: string, addresses: readonly Address[]): boolean {
  const parsed = parseLeaseValue(value);
  if (isRefused(parsed) || parsed.value.node !== node) return false;
  const published = Object.values(parsed.value.publicAddresses);
  return addresses.length === 0 || published.some((address) => addresses.includes(address));
}
