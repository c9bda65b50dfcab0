/** What hosts agreed upon in etcd, and what a host's kernel holds of it, in iproute2's words. */
import assert from 'node:assert/strict';
import type { Address } from '../../agent/ip/address.ts';
import { eventually } from './eventually.ts';
import type { Host } from './host.ts';
import type { Lab } from './lab.ts';

const SUBNETS = '/coreos.com/network/subnets/';

/** A lease key in etcd. */
export interface LeaseEntry {
  /** The part below `subnets/`. */
  readonly key: string;
  /** The key's prefixes, `10.5.1.0/24`. */
  readonly subnets: readonly string[];
  /** Byte for byte. */
  readonly text: string;
  readonly value: LeaseValue;
  /** Of etcd; 0: the key never expires. */
  readonly leaseId: string;
  readonly version: number;
}

export interface LeaseValue {
  readonly PublicIP: string;
  readonly PublicIPv6: string | null;
  readonly BackendType?: string;
  readonly BackendData?: { readonly VNI: number; readonly VtepMAC: string };
  readonly BackendV6Data?: { readonly VNI: number; readonly VtepMAC: string };
  readonly Weft?: { readonly Node: string; readonly Gossip?: string };
}

/** Every lease in etcd, in the order of their keys. */
export async function leasesIn(lab: Lab): Promise<LeaseEntry[]> {
  const text = await lab.etcdctl('get', '--prefix', SUBNETS, '-w', 'json');
  // A lease id has 63 bits, more than a number of JSON.parse can hold.
  const exact = text.replaceAll(/"lease":(\d+)/g, '"lease":"$1"');
  const { kvs = [] } = JSON.parse(exact) as { kvs?: Entry[] };
  return kvs.map(leaseEntry);
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly lease?: string;
}

function leaseEntry({ key: key64, value, version, lease = '0' }: Entry): LeaseEntry {
  const key = fromBase64(key64).slice(SUBNETS.length);
  const subnets = key.split('&').map((part) => part.replace(/-(\d+)$/, '/$1'));
  const text = fromBase64(value);
  return { key, subnets, text, value: JSON.parse(text) as LeaseValue, leaseId: lease, version };
}

function fromBase64(text: string): string {
  return Buffer.from(text, 'base64').toString();
}

/** The lease that publishes the address; rejects unless there is exactly one. */
export async function leaseOf(lab: Lab, address: Address): Promise<LeaseEntry> {
  const all = await leasesIn(lab);
  const [lease, ...more] = all.filter(
    ({ value }) => value.PublicIP === address || value.PublicIPv6 === address,
  );
  if (lease === undefined || more.length > 0)
    throw new Error(`${1 + more.length} leases for ${address}: ${JSON.stringify(all)}`);
  return lease;
}

export async function putLease(lab: Lab, key: string, value: object): Promise<void> {
  await lab.etcdctl('put', `${SUBNETS}${key}`, JSON.stringify(value));
}

export async function deleteLease(lab: Lab, key: string): Promise<void> {
  await lab.etcdctl('del', `${SUBNETS}${key}`);
}

/** Lines as iproute2 prints them, sorted. */
export interface Entries {
  readonly routes: readonly string[];
  readonly neighbours: readonly string[];
  readonly fdb: readonly string[];
}

/** Every route with weft's protocol, every permanent neighbour and every FDB entry with a remote, whoever made it. */
export async function entriesOf(host: Host): Promise<Entries> {
  const [v4, v6, neighbours, fdb] = await Promise.all([
    host.ip('-4 -N route show proto 119'),
    host.ip('-6 -N route show proto 119'),
    host.ip('neigh show nud permanent'),
    host.output('bridge', ['fdb', 'show']),
  ]);
  return {
    routes: linesOf(v4 + v6),
    neighbours: linesOf(neighbours),
    fdb: linesOf(fdb).filter((line) => line.includes(' dst ')),
  };
}

/** What peers behind a VTEP come to, as in the last block of flannel's own state. */
function tunnelEntries(
  peers: readonly { readonly subnet: string; readonly mac: string; readonly remote: string }[],
  device = 'flannel.1',
): Entries {
  const base = (subnet: string) => subnet.split('/')[0] ?? '';
  return {
    routes: peers.map(({ subnet }) => `${subnet} via ${base(subnet)} dev ${device} onlink`).sort(),
    neighbours: peers
      .map(({ subnet, mac }) => `${base(subnet)} dev ${device} lladdr ${mac} PERMANENT`)
      .sort(),
    fdb: peers.map(({ mac, remote }) => `${mac} dev ${device} dst ${remote} self permanent`).sort(),
  };
}

/** The leases of all hosts but the one with this address. */
export function othersOf(leases: readonly LeaseEntry[], address: string): LeaseEntry[] {
  return leases.filter(({ value }) => value.PublicIP !== address);
}

interface Programmed {
  /** In ms. */
  readonly within: number;
  /** Those with a lease; all of the lab's unless told. */
  readonly hosts?: readonly Host[];
  /** What the other hosts' leases ask of a kernel: tunnels unless told. */
  readonly entries?: (others: readonly LeaseEntry[]) => Entries;
}

/** Waits until there are just the hosts' leases, and each kernel holds exactly what the others' ask for. */
export async function untilProgrammed(
  lab: Lab,
  { within, hosts = lab.hosts, entries = tunnelsTo }: Programmed,
): Promise<void> {
  const check = async () => {
    const leases = await leasesIn(lab);
    assert.equal(leases.length, hosts.length);
    const found = await Promise.all(hosts.map(entriesOf));
    const wanted = await Promise.all(
      hosts.map(async (host) => entries(othersOf(leases, await addressAt(host)))),
    );
    assert.deepEqual(found, wanted);
    return true;
  };
  await eventually(check, { within, what: 'every host has exactly the entries of its peers' });
}

/** The v4 address of its link, which a test may have changed. */
async function addressAt(host: Host): Promise<string> {
  const [link] = await host.ipJson<{ addr_info: { local: string }[] }>(
    `-4 address show ${host.link}`,
  );
  return link?.addr_info[0]?.local ?? '';
}

/** As `tunnelEntries`, from v4 leases. */
export function tunnelsTo(leases: readonly LeaseEntry[], device?: string): Entries {
  const peers = leases.map(({ subnets: [subnet = ''], value }) => ({
    subnet,
    mac: value.BackendData?.VtepMAC ?? '',
    remote: value.PublicIP,
  }));
  return tunnelEntries(peers, device);
}

/** Routes by way of the peers themselves, without a tunnel. */
export function gatewaysTo(leases: readonly LeaseEntry[]): Entries {
  const routes = leases.map(
    ({ subnets: [subnet = ''], value }) => `${subnet} via ${value.PublicIP} dev eth0`,
  );
  return { routes: routes.sort(), neighbours: [], fdb: [] };
}

/** Without what does not bear upon the way of a packet. */
function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/ (proto|metric|pref|scope) \S+/g, '').trim())
    .filter(Boolean)
    .sort();
}
