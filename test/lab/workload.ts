/** Workloads: namespaces joined to a bridge in a host's namespace, as a container runtime would. */
import {
  addressFromInteger,
  addressToInteger,
  familyOf,
  type Address,
} from '../../agent/ip/address.ts';
import type { PerFamily } from '../../agent/state/facts.ts';
import { Namespace } from './namespace.ts';
import type { BridgeNetwork } from './subnet-env.ts';

export const BRIDGE = 'weft0';
/** Given, so that the bridge does not change it with every port. */
const BRIDGE_MAC = '02:77:65:66:74:00';
/** The link inside the workload. */
export const WORKLOAD_LINK = 'eth0';

/** Makes the host's bridge if it is missing, and a workload at it with the `index`-th address after the bridge's. */
export async function joinWorkload(
  host: Namespace & { readonly lab: string },
  name: string,
  index: number,
  network: BridgeNetwork,
): Promise<Namespace> {
  const gateways = Object.values(network.gateways);
  if (index === 1) await makeBridge(host, network);
  const addresses: PerFamily<Address> = Object.fromEntries(
    gateways.map(({ address }) => [familyOf(address), after(address, index)]),
  );
  const { ground } = host;
  const workload = new Namespace(host.lab, `${host.name}-${name}`, addresses, { ground });
  await ground.apply('ip', ['netns', 'add', workload.netns]);
  const port = `port${index}`;
  await host.ipBatch([
    `link add ${port} mtu ${network.mtu} type veth peer name ${WORKLOAD_LINK} mtu ${network.mtu} netns ${workload.netns}`,
    `link set ${port} addrgenmode none master ${BRIDGE} up`,
  ]);
  await workload.skipDad(WORKLOAD_LINK);
  await workload.ipBatch([
    'link set lo up',
    `link set ${WORKLOAD_LINK} up`,
    ...gateways.flatMap(({ address, length }) => [
      `address add ${after(address, index)}/${length} dev ${WORKLOAD_LINK}`,
      `route add default via ${address} dev ${WORKLOAD_LINK}`,
    ]),
  ]);
  return workload;
}

async function makeBridge(host: Namespace, network: BridgeNetwork): Promise<void> {
  await host.ipBatch([
    `link add ${BRIDGE} address ${BRIDGE_MAC} mtu ${network.mtu} type bridge mcast_snooping 0`,
  ]);
  await host.skipDad(BRIDGE);
  await host.ipBatch([
    `link set ${BRIDGE} up`,
    ...Object.values(network.gateways).map(
      ({ address, length }) => `address add ${address}/${length} dev ${BRIDGE}`,
    ),
  ]);
}

function after(address: Address, offset: number): Address {
  return addressFromInteger(addressToInteger(address) + BigInt(offset), familyOf(address));
}
