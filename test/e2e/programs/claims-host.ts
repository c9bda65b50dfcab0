/**
 * A host's claims at the end of a pipe, so that a test can kill it: takes and releases addresses as endpoints would, and
 * keeps what it was given in a file, a line each, before it says so. Arguments: etcd, the name of the host, the file, the definition.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs';
import { machineClock, machineRandom, machineUptime } from '../../../agent/daemon/machine.ts';
import { EtcdClient } from '../../../agent/etcd/client.ts';
import type { Address } from '../../../agent/ip/address.ts';
import { AddressClaims } from '../../../agent/network/address-claims.ts';
import { EtcdAddressRegistry } from '../../../agent/network/address-registry.ts';
import { parseDefinition } from '../../../agent/network/definition.ts';
import { isRefused } from '../../../agent/subnet/parsed.ts';
import type { PerFamily } from '../../../agent/state/facts.ts';
import { serve } from './lines.ts';

const [endpoint = '', name = '', file = '', text = ''] = process.argv.slice(2);
const NETWORK = 'blue';
const parsed = parseDefinition(NETWORK, text);
if (isRefused(parsed)) throw new Error(parsed.reason);

const held = new Map<string, PerFamily<Address>>();
const write = (id: string, addresses: PerFamily<Address>): void =>
  appendFileSync(file, `${JSON.stringify({ id, addresses })}\n`);

const claims = new AddressClaims({
  registry: new EtcdAddressRegistry(new EtcdClient({ endpoints: [endpoint] }), '/weft'),
  own: { host: name, name },
  networks: { get: () => parsed.value, onChange: () => () => {} },
  graceMs: 3_600_000,
  endpointAt: () => undefined,
  askFor: async () => await Promise.resolve('somebody'),
  clock: machineClock,
  uptime: machineUptime,
  random: machineRandom,
  lost: (id, why) => console.error(id, why),
});

const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
for (const line of lines.filter((each) => each !== '')) {
  const { id, addresses } = JSON.parse(line) as { id: string; addresses: PerFamily<Address> };
  if (Object.keys(addresses).length === 0) held.delete(id);
  else held.set(id, addresses);
}
for (const [id, addresses] of held) claims.hold({ id, network: NETWORK, addresses });
claims.start();

serve(async (request) => {
  const id = String(request['endpoint']);
  if (request['do'] === 'take') {
    const known = held.get(id);
    if (known !== undefined) return known;
    const addresses = await claims.take(NETWORK, { id, addresses: [] });
    write(id, addresses);
    held.set(id, addresses);
    return addresses;
  }
  const addresses = held.get(id);
  if (addresses === undefined) return {};
  write(id, {});
  held.delete(id);
  claims.release(NETWORK, id, addresses);
  return {};
});
