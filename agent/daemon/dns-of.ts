/** DNS of this host, with the machine's own means. */
import { join } from 'node:path';
import type { Logger } from 'pino';
import { DnsService } from '../dns/service.ts';
import { StaticNames } from '../dns/static-names.ts';
import { gatewayOf } from '../endpoint/address-pool.ts';
import type { Daemon } from './daemon.ts';

const RESOLV_CONF = '/etc/resolv.conf';

/** Undefined when it is switched off. */
export function dnsOf(daemon: Daemon, log: Logger): DnsService | undefined {
  const { config, membership, board } = daemon;
  if (config.dns === undefined) return undefined;
  const service = new DnsService({
    config: config.dns,
    membership,
    resolvConf: RESOLV_CONF,
    troubled: (problems) => {
      const found = problems.map(({ subject, message }) => ({ code: 'DNS', subject, message }));
      for (const { message } of board.set('dns', found)) log.warn(message);
    },
    warn: (sentence) => log.warn(sentence),
  });
  daemon.onChange(() => {
    const subnets = Object.values(daemon.planner.facts?.subnets ?? {});
    service.setSubnets(subnets.map((subnet) => ({ subnet, gateway: gatewayOf(subnet) })));
  });
  return service;
}

/** As they were kept; said by gossip from the start. Throws a FileError. */
export function staticNamesOf({ config, membership }: Daemon, log: Logger): StaticNames {
  const path = join(config.stateDir, 'names.json');
  const names = new StaticNames({
    path,
    put: (kind, key, payload) => membership?.put(kind, key, payload),
    remove: (kind, key) => membership?.remove(kind, key),
  });
  const aside = names.open();
  if (aside !== undefined)
    log.warn(
      { file: aside },
      'the static names were damaged and do not count: weft dns add says them anew',
    );
  return names;
}
