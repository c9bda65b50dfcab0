/** This host's kernel with every driver weft has. */
import { join } from 'node:path';
import type { Config } from '../config/config.ts';
import { wireguardKeyFileOf } from '../config/wireguard-key.ts';
import { CommandDriver } from '../kernel/command/driver.ts';
import { IptablesDriver } from '../kernel/iptables/driver.ts';
import { composeKernel } from '../kernel/kernel.ts';
import { openNetlink, type Netlink } from '../kernel/netlink/netlink.ts';
import { NftablesDriver } from '../kernel/nftables/driver.ts';
import { SysctlDriver } from '../kernel/sysctl.ts';
import { startForwarder } from '../kernel/udp/start.ts';
import { WireguardDriver } from '../kernel/wireguard/driver.ts';
import { userspaceWireguard } from '../kernel/wireguard/userspace.ts';
import type { Kernel } from '../state/kernel.ts';
import type { Link } from '../state/resource.ts';

export interface HostKernel {
  readonly kernel: Kernel;
  readonly netlink: Netlink;
  readonly iptables: IptablesDriver;
  readonly wireguard: WireguardDriver;
  close(): Promise<void>;
}

/**
 * `notice` is told what the operator should know of how it works here. Throws a KernelError when this process may not
 * speak to the kernel (EPERM).
 */
export function openHostKernel(
  { runDir, stateDir }: Pick<Config, 'runDir' | 'stateDir'>,
  notice: (sentence: string) => void = () => {},
): HostKernel {
  const netlink = openNetlink({ wireguard: userspaceWireguard(notice), udp: startForwarder });
  const iptables = new IptablesDriver();
  const wireguard = new WireguardDriver({
    keyFile: (publicKey) => wireguardKeyFileOf(stateDir, publicKey),
    runDirectory: runDir,
    notice,
  });
  const kernel = composeKernel([
    netlink.driver,
    new SysctlDriver(),
    new NftablesDriver(runDir),
    iptables,
    wireguard,
    new CommandDriver({ file: join(runDir, 'commands.json') }),
  ]);
  const close = async (): Promise<void> => {
    await kernel.close();
    await netlink.close();
  };
  return { kernel, netlink, iptables, wireguard, close };
}

/** The links of these names that exist. They come first in a dump; the rest is not read. */
export async function existingLinks(kernel: Kernel, names: readonly string[]): Promise<Link[]> {
  const wanted = new Set(names);
  const links: Link[] = [];
  for await (const slice of kernel.dump(wanted)) {
    for (const resource of slice) {
      if (resource.kind !== 'link') return links;
      if (wanted.has(resource.name)) links.push(resource);
    }
  }
  return links;
}
