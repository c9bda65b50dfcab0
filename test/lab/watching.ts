/** Looks at packets and at the kernel's own notices while something else happens. */
import type { Child } from './child.ts';
import { eventually } from './eventually.ts';
import type { Namespace } from './namespace.ts';

export interface Capture {
  /** Packets so far, a line each, as tcpdump prints them. */
  lines(): readonly string[];
  /** Resolves with the first packet, past or to come, that matches. */
  waitFor(pattern: RegExp, within?: number): Promise<string>;
  /** Ends it; resolves with all that was captured. */
  stop(): Promise<readonly string[]>;
}

/** A time of day, or what belongs to the line before: indented, or the link layer of an inner packet (`-e`). */
const PACKET = /^\s|^\d\d:\d\d:\d\d\.|^(?:[0-9a-f]{2}:){5}/;

/** Captures on the link, which may be `any`; resolves when tcpdump listens. `filter` is pcap-filter(7)'s. */
export async function capture(
  place: Namespace,
  link: string,
  filter = '',
  flags: readonly string[] = [],
): Promise<Capture> {
  const child = place.spawn('tcpdump', [
    '-nl',
    '--immediate-mode',
    '-i',
    link,
    ...flags,
    ...filter.split(' ').filter(Boolean),
  ]);
  await child.waitForLine(/^listening on|, capture size/);
  const packets = () => child.lines.filter((line) => PACKET.test(line));
  return {
    lines: packets,
    waitFor: (pattern, within) => child.waitForLine(pattern, within),
    async stop() {
      await allPrinted(child, place.ground.patience);
      await child.stop('SIGINT');
      return packets();
    },
  };
}

/** Bytes of all packets as tcpdump prints them with -x, in hexadecimal without gaps. */
export function bytesIn(lines: readonly string[]): string {
  const rows = lines.filter((line) => /^\s+0x/.test(line));
  return rows.map((row) => row.replace(/^\s+0x[0-9a-f]+:/, '').replaceAll(/\s/g, '')).join('');
}

/** Of tcpdump's answer to SIGUSR1: how many it printed, and how many the kernel has for it. */
const COUNTS = /^tcpdump: (\d+) packets? captured, (\d+) packets? received by filter/;

/**
 * The kernel may count packets from before the filter was there, which are never printed. Then as many answers that
 * say the same have to do.
 */
const SAME_ANSWERS = 10;

/** Resolves when tcpdump has printed every packet there was: what it has not read is lost when it ends. */
async function allPrinted(child: Child, patience: number): Promise<void> {
  let answers = 0;
  await eventually(
    async () => {
      child.signal('SIGUSR1');
      const all = await eventually(
        () => {
          const found = child.lines.filter((line) => COUNTS.test(line));
          return found.length > answers && found;
        },
        { within: 2000 * patience, what: 'tcpdump tells its counts', every: 2 },
      );
      answers = all.length;
      const [, printed, received] = COUNTS.exec(all.at(-1) ?? '') ?? [];
      const same = new Set(all.slice(-SAME_ANSWERS));
      return printed === received || (all.length >= SAME_ANSWERS && same.size === 1);
    },
    { within: 10_000 * patience, what: `${child.command} printed everything`, every: 5 },
  );
}

export interface Monitor {
  /**
   * Everything the kernel told since the start, as `ip monitor`, `bridge monitor` and `nft monitor` print it,
   * without the neighbours the kernel itself learns and forgets.
   */
  stop(): Promise<readonly string[]>;
}

/** Neighbour states that change without anybody's doing (ip-neighbour(8)); PERMANENT and NOARP are somebody's. */
const BY_ITSELF = /\b(REACHABLE|STALE|DELAY|PROBE|INCOMPLETE|FAILED)\b/;

/** Collects every change of links, addresses, routes, neighbours, FDB entries and rules; resolves when it listens. */
export async function monitor(place: Namespace): Promise<Monitor> {
  const children = [
    place.spawn('ip', ['-o', '-ts', 'monitor', 'all']),
    place.spawn('bridge', ['-o', 'monitor', 'fdb']),
    place.spawn('nft', ['monitor']),
  ];
  await Promise.all(
    children.map((child) =>
      child.untilOr(async () => (await socketsOf(place, child)).length > 0, {
        within: 5000 * place.ground.patience,
        what: 'the monitor listens',
      }),
    ),
  );
  return {
    async stop() {
      await Promise.all(children.map((child) => drained(place, child)));
      await Promise.all(children.map((child) => child.stop()));
      return children.flatMap((child) => child.lines).filter((line) => !BY_ITSELF.test(line));
    },
  };
}

/** Resolves when the program has read all that the kernel had for it, and waits for more. */
async function drained(place: Namespace, child: Child): Promise<void> {
  await eventually(
    async () => {
      const [sockets, stat] = await Promise.all([
        socketsOf(place, child),
        place.output('cat', [`/proc/${child.pid}/stat`]),
      ]);
      return sockets.every(({ unread }) => unread === 0) && stat.includes(') S ');
    },
    { within: 5000 * place.ground.patience, what: `${child.command} read everything` },
  );
}

/** Its netlink sockets that are members of a group: /proc/net/netlink, columns Pid, Groups (hexadecimal), Rmem. */
async function socketsOf(place: Namespace, child: Child): Promise<{ unread: number }[]> {
  const table = await place.output('cat', [`/proc/${child.pid}/net/netlink`]);
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , pid, groups = '0']) => Number(pid) === child.pid && !/^0+$/.test(groups))
    .map(([, , , , unread]) => ({ unread: Number(unread) }));
}
