/** The membership of this host, with the machine's own means. */
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Logger } from 'pino';
import { VERSION } from '../../controlplane/api/version.ts';
import type { Config, GossipConfig } from '../config/config.ts';
import { openMember } from '../gossip/open-member.ts';
import { Membership } from '../gossip/membership.ts';
import { findUnderlay } from './find-underlay.ts';
import type { HostKernel } from './host-kernel.ts';
import { machineClock, machineRandom } from './machine.ts';
import type { ProblemBoard } from './problem-board.ts';

interface Parts {
  readonly host: HostKernel;
  readonly log: Logger;
  readonly board: ProblemBoard;
  readonly changed: () => void;
  readonly moved: () => void;
}

/** Undefined when gossip is switched off. */
export function membershipOf(
  { gossip, underlay, stateDir }: Config,
  { host, log, board, changed, moved }: Parts,
): Membership | undefined {
  if (gossip === undefined) return undefined;
  return new Membership({
    config: gossip,
    underlay,
    name: memberName(gossip),
    tags: new Map([['version', VERSION]]),
    snapshotFile: snapshotIn(stateDir),
    find: (config, families) => findUnderlay(host.netlink, config, families),
    watch: (listener) => host.netlink.watchUnderlay(listener),
    open: openMember,
    clock: machineClock,
    random: machineRandom,
    log,
    troubled: (problems) => {
      for (const { message } of board.set('gossip', problems)) log.warn(message);
    },
    changed,
    moved,
  });
}

/** Whom this host knew at its end. */
export function snapshotIn(stateDir: string): string {
  return join(stateDir, 'gossip.json');
}

/** Without `--node-name` the host name, of what a member's name may have. */
export function memberName({ name }: GossipConfig): string {
  return (
    name ??
    hostname()
      .replaceAll(/[^A-Za-z0-9.-]/g, '-')
      .slice(0, 128)
  );
}
