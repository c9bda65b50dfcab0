/** DNS of this host, with the machine's own means. */
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { DnsService } from '../dns/service.ts';
import type { Membership } from '../gossip/membership.ts';
import type { ProblemBoard } from './problem-board.ts';

const RESOLV_CONF = '/etc/resolv.conf';

/** Undefined when it is switched off. */
export function dnsOf(
  { dns }: Config,
  membership: Membership | undefined,
  board: ProblemBoard,
  log: Logger,
): DnsService | undefined {
  if (dns === undefined) return undefined;
  return new DnsService({
    config: dns,
    membership,
    resolvConf: RESOLV_CONF,
    troubled: (problems) => {
      const found = problems.map((problem) => ({ code: 'DNS', ...problem }));
      for (const { message } of board.set('dns', found)) log.warn(message);
    },
    warn: (sentence) => log.warn(sentence),
  });
}
