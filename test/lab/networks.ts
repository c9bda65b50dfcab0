/** Networks of users, made by the command. */
import type { Network } from '../../controlplane/api/network-model.ts';
import { SOON, weft } from './endpoints.ts';
import { eventually } from './eventually.ts';
import type { Lab } from './lab.ts';

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
