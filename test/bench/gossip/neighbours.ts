/** Hosts that need not look for each other. */
import { ipSync } from '../../lab/command.ts';
import type { Host } from '../../lab/host.ts';

/**
 * Tells each host where all others are. The kernel has one limit for the neighbours of all namespaces (1,024,
 * net.ipv4.neigh.default.gc_thresh3), beyond which packets are lost; 50 hosts that all talk to each other are over it.
 * What is told for good does not count (arp(7)). It also keeps ARP out of what is counted as gossip.
 */
export async function introduce(hosts: readonly Host[]): Promise<void> {
  const macs = await Promise.all(
    hosts.map(async (host) => {
      const [link] = await host.ipJson<{ address: string }>(`link show ${host.link}`);
      return link?.address ?? '';
    }),
  );
  for (const host of hosts) {
    const others = hosts.map((other, i) => ({ other, mac: macs[i] }));
    ipSync(
      host.netns,
      others
        .filter(({ other }) => other !== host)
        .map(
          ({ other, mac }) =>
            `neigh replace ${other.address} lladdr ${mac} dev ${host.link} nud permanent`,
        ),
    );
  }
}
