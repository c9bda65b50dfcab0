/** A lab at work: etcd, the network configuration, and on every host weftd and a workload. */
import type { Address, Family } from '../../agent/ip/address.ts';
import type { Etcd } from './etcd.ts';
import { createLab, type Lab, type LabOptions } from './lab.ts';
import type { Host } from './host.ts';
import type { Namespace } from './namespace.ts';
import type { Weftd } from './weftd.ts';

export interface MeshOptions extends LabOptions {
  /** What is put at flanneld's key. */
  readonly network: object;
  readonly flags?: readonly string[];
  /** Flags of each host besides. */
  readonly flagsOf?: (host: Host) => readonly string[];
  /** Done before weftd starts. */
  readonly prepare?: (hosts: readonly Host[]) => Promise<unknown>;
}

export interface Mesh {
  readonly lab: Lab;
  readonly etcd: Etcd;
  /** One per host, in order; the caller puts another in its place when it starts one. */
  readonly daemons: Weftd[];
  /** One per host, in order. */
  readonly workloads: readonly Namespace[];
  close(): Promise<void>;
}

/** Resolves when every daemon is ready and every workload attached. */
export async function startMesh(options: MeshOptions): Promise<Mesh> {
  const { network, flags = [], flagsOf = () => [], prepare } = options;
  const lab = await createLab(options);
  try {
    const etcd = await lab.startEtcd();
    await lab.configureNetwork(network);
    await prepare?.(lab.hosts);
    const daemons = lab.hosts.map((host) => host.startWeftd([...flags, ...flagsOf(host)]));
    await Promise.all(daemons.map((daemon) => daemon.waitReady()));
    const workloads = await Promise.all(lab.hosts.map((host) => host.attachWorkload('work')));
    return { lab, etcd, daemons, workloads, close: () => lab.close() };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** The workload's address in the family; throws if it has none. */
export function addressOf(place: Namespace, family: Family): Address {
  const address = place.addresses[family];
  if (address === undefined) throw new Error(`${place.name} has no IPv${family} address`);
  return address;
}
