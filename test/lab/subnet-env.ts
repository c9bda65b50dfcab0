/** subnet.env as its readers take it: what a bridge on this host shall have. */
import { readFile } from 'node:fs/promises';
import { address, FAMILIES, type Address, type Family } from '../../agent/ip/address.ts';
import type { PerFamily } from '../../agent/state/facts.ts';

export interface BridgeNetwork {
  /** First address of the subnet: the bridge's own. */
  readonly gateways: PerFamily<{ readonly address: Address; readonly length: number }>;
  readonly mtu: number;
}

const SUBNET_VARIABLES: Readonly<Record<Family, string>> = {
  4: 'FLANNEL_SUBNET',
  6: 'FLANNEL_IPV6_SUBNET',
};

/** Rejects when the file is not there, or has neither family. */
export async function readSubnetEnv(path: string): Promise<BridgeNetwork> {
  const lines = (await readFile(path, 'utf8')).trim().split('\n');
  const values = new Map(lines.map((line) => line.split('=', 2) as [string, string]));
  return bridgeNetwork({
    4: values.get(SUBNET_VARIABLES[4]),
    6: values.get(SUBNET_VARIABLES[6]),
    mtu: Number(values.get('FLANNEL_MTU')),
  });
}

/** From `10.5.1.1/24` and the like. */
export function bridgeNetwork(from: {
  readonly 4?: string | undefined;
  readonly 6?: string | undefined;
  readonly mtu: number;
}): BridgeNetwork {
  const families = (Object.keys(FAMILIES).map(Number) as Family[]).filter(
    (family) => from[family] !== undefined,
  );
  if (families.length === 0) throw new Error('no subnet in either family');
  const gateways = Object.fromEntries(
    families.map((family) => {
      const [base = '', length] = (from[family] ?? '').split('/');
      return [family, { address: address(base), length: Number(length) }];
    }),
  );
  return { gateways, mtu: from.mtu };
}
