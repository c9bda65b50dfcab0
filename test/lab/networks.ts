/** Networks of users, made by the command. */
import type { Network } from '../../controlplane/api/network-model.ts';
import { SOON, weft } from './endpoints.ts';
import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import { capture } from './watching.ts';

export interface NetworkWish {
  readonly v4?: string;
  readonly v6?: string;
  readonly internal?: boolean;
  /** `--opt`. */
  readonly options?: readonly string[];
}

/** Made on the first host; resolves when all of these hosts know it. */
export async function createNetwork(
  { hosts }: Pick<Lab, 'hosts'>,
  name: string,
  { v4, v6, internal = false, options = [] }: NetworkWish,
): Promise<Network> {
  const [first] = hosts;
  if (first === undefined) throw new Error('a lab without hosts');
  const subnets = [v4, v6].flatMap((subnet) => (subnet === undefined ? [] : ['--subnet', subnet]));
  const flags = [
    ...(internal ? ['--internal'] : []),
    ...options.flatMap((each) => ['--opt', each]),
  ];
  const made = await weft<Network>(first, 'network', 'create', name, ...subnets, ...flags);
  for (const host of hosts)
    await eventually(
      async () =>
        (await weft<Network[]>(host, 'network', 'ls')).some((network) => network.name === name),
      { within: SOON, what: `${host.name} knows the network ${name}` },
    );
  return made;
}

export interface Forgery {
  /** Who makes itself a VTEP. */
  readonly from: Namespace;
  /** The VTEP that packets go to. */
  readonly via: string;
  readonly vni: number;
  readonly target: { readonly space: Namespace; readonly address: string; readonly mac: string };
}

/** Frames for an endpoint, in packets of VXLAN from somewhere else; resolves with those that it got. */
export async function forge({ from, via, vni, target }: Forgery): Promise<string[]> {
  const { space, address, mac } = target;
  const seen = await capture(space, 'eth0', 'icmp');
  const link = `vx${vni}`;
  const forged = address.replace(/\d+$/, '200');
  await from.ipBatch([
    `link add ${link} type vxlan id ${vni} remote ${via} dstport 8472`,
    `address add ${forged}/24 dev ${link}`,
    `link set ${link} up`,
    `neigh add ${address} lladdr ${mac} dev ${link} nud permanent`,
  ]);
  await from.exec('ping', ['-c3', '-i0.2', '-W1', '-I', link, address]);
  await from.ipBatch([`link delete ${link}`]);
  return (await seen.stop()).filter((line) => line.includes('echo request'));
}
