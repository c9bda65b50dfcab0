/** Networks in words. */
import type { Network, NetworkSubnet } from '../controlplane/api/network-model.ts';
import { instant, listed, printable } from './text.ts';

export const NETWORK_HEAD = ['NAME', 'SUBNETS', 'VNI', 'ENDPOINTS', 'OPTIONS', 'ID'] as const;

/** Of a row of the table. */
export function networkCells(network: Network): string[] {
  const { name, subnets, vni, endpoints, id } = network;
  return [
    name,
    subnets.map(({ subnet }) => subnet).join(',') || '-',
    vni === undefined ? '-' : String(vni),
    String(endpoints),
    optionsOf(network).join(',') || '-',
    id || '-',
  ];
}

function optionsOf({ internal, encrypted, multicast }: Network): string[] {
  const options = { internal, encrypted, multicast };
  return Object.entries(options).flatMap(([name, isSet]) => (isSet ? [name] : []));
}

/** What came of a creation. */
export function createdLine({ name, subnets, id }: Network): string {
  return `${name} is ${subnets.map(({ subnet }) => subnet).join(', ')} (${id})`;
}

const NAME_WIDTH = 12;

/** A line for each thing that is known. */
export function networkBlock(network: Network): string[] {
  const { id, name, vni, subnets, mtu, dnsTtl, labels, created, endpoints } = network;
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['name', name],
    ['id', id === '' ? undefined : id],
    ['VNI', vni === undefined ? undefined : String(vni)],
    ...subnets.map((subnet) => ['subnet', subnetText(subnet)] as const),
    ['options', listed(optionsOf(network))],
    ['MTU', mtu === undefined ? undefined : String(mtu)],
    ['DNS TTL', dnsTtl === undefined ? undefined : `${dnsTtl} s`],
    ['labels', labels.length === 0 ? undefined : listed(labels)],
    ['created', created === undefined ? undefined : instant(created)],
    ['endpoints', String(endpoints)],
  ];
  return rows.flatMap(([title, value]) =>
    value === undefined ? [] : [`${title.padEnd(NAME_WIDTH)}${printable(value)}`],
  );
}

function subnetText({ subnet, gateway, range, aux }: NetworkSubnet): string {
  const parts = [
    gateway === undefined ? undefined : `gateway ${gateway}`,
    range === undefined ? undefined : `given from ${range}`,
    aux.length === 0 ? undefined : `without ${aux.join(', ')}`,
  ];
  return [subnet, ...parts.filter((part) => part !== undefined)].join(', ');
}
