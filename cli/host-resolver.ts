/**
 * How this host comes to ask weft for names: what its resolver's files are to be, from what they are. Pure. Only what
 * stands between our marks, or in a file of our own, is ever changed or taken away.
 */

/** What stands in a place now. */
export interface FoundFile {
  /** Undefined: there is none. */
  readonly text?: string;
  /** Where it leads, if it is a symbolic link. */
  readonly link?: string;
}

export interface Found {
  readonly resolvConf: FoundFile;
  /** systemd-resolved's drop-in of our name. */
  readonly dropIn: FoundFile;
}

/** What weft answers the host with. */
export interface Answering {
  readonly domain: string;
  /** Without the port: that is `port`. */
  readonly address: string;
  readonly port: number;
}

export const RESOLV_CONF = '/etc/resolv.conf';
export const DROP_IN = '/etc/systemd/resolved.conf.d/weft.conf';
/** What the file was before. */
export const BACKUP = `${RESOLV_CONF}.before-weft`;
const RESTART = ['systemctl', 'restart', 'systemd-resolved'] as const;

export interface Change {
  readonly path: string;
  /** Undefined: the file goes. */
  readonly text?: string;
  /** What it is now is kept there. */
  readonly backup?: string;
}

export type HostPlan =
  | {
      readonly way: 'resolved' | 'resolv.conf';
      /** Empty: all is as it should be. */
      readonly changes: readonly Change[];
      /** What makes them count. */
      readonly command?: readonly string[];
    }
  /** One sentence: why not, and what to do. */
  | { readonly way: 'refused'; readonly why: string; readonly fix: string };

/** So that the host asks weft. */
export function planEnable(found: Found, answering: Answering): HostPlan {
  return usesResolved(found.resolvConf)
    ? planDropIn(found.dropIn, answering)
    : planResolvConf(found.resolvConf, answering);
}

/** As before, however the host asks now. */
export function planDisable({ resolvConf, dropIn }: Found): HostPlan {
  const isOurs = dropIn.text?.startsWith(FIRST_LINE) === true;
  // Through a link another program's file would be changed: that program names the servers.
  const text = resolvConf.link === undefined ? (resolvConf.text ?? '') : '';
  const rest = withoutBlock(text);
  const restored: Change[] =
    rest === text
      ? []
      : [rest === '' ? { path: RESOLV_CONF } : { path: RESOLV_CONF, text: rest }, { path: BACKUP }];
  return {
    way: isOurs ? 'resolved' : 'resolv.conf',
    changes: [...(isOurs ? [{ path: DROP_IN }] : []), ...restored],
    ...(isOurs ? { command: RESTART } : {}),
  };
}

/** By a link to one of its files, or by the address at which it answers (systemd-resolved.service(8)). */
function usesResolved({ text = '', link = '' }: FoundFile): boolean {
  return link.includes('/systemd/resolve/') || /^nameserver[ \t]+127\.0\.0\.53[ \t]*$/m.test(text);
}

const FIRST_LINE =
  '# Made by weft dns enable-host; weft dns enable-host --undo --yes takes it away.\n';

function planDropIn({ text, link }: FoundFile, { domain, address, port }: Answering): HostPlan {
  if (link !== undefined || (text !== undefined && !text.startsWith(FIRST_LINE)))
    return {
      way: 'refused',
      why: `${DROP_IN} is somebody else's`,
      fix: 'move it away, or write the lines into it yourself',
    };
  const host = address.includes(':') ? `[${address}]` : address;
  const server = port === 53 ? address : `${host}:${port}`;
  const wanted = `${FIRST_LINE}[Resolve]\nDNS=${server}\nDomains=~${domain}\n`;
  const changes = text === wanted ? [] : [{ path: DROP_IN, text: wanted }];
  return { way: 'resolved', changes, command: RESTART };
}

const END = '# weft end';

/** Its address tells which line between the marks is ours. */
function blockOf(address: string): string {
  const begin = `# weft begin ${address}: weft dns enable-host --undo --yes takes these lines away`;
  return `${begin}\nnameserver ${address}\n${END}\n`;
}

/** First, as libc asks the next server only when one does not answer. weft asks those that stand below for the rest. */
function planResolvConf({ text, link }: FoundFile, { address, port }: Answering): HostPlan {
  if (link !== undefined)
    return {
      way: 'refused',
      why: `${RESOLV_CONF} is a link to ${link}, which another program writes`,
      fix: `tell that program to name ${address} as the first server`,
    };
  if (port !== 53)
    return {
      way: 'refused',
      why: `${RESOLV_CONF} has no place for a port, and weftd answers on ${port}`,
      fix: 'give weftd a --dns-bind without a port',
    };
  const before = text ?? '';
  const wanted = `${blockOf(address)}${withoutBlock(before)}`;
  if (wanted === before) return { way: 'resolv.conf', changes: [] };
  // A block of ours: what was before it is kept already.
  const isFirst = withoutBlock(before) === before && text !== undefined;
  const change = { path: RESOLV_CONF, text: wanted, ...(isFirst ? { backup: BACKUP } : {}) };
  return { way: 'resolv.conf', changes: [change] };
}

/** Of a block in which somebody wrote, only our own lines go. */
function withoutBlock(text: string): string {
  let ours: readonly string[] = [];
  const kept = text.split('\n').filter((line) => {
    const [, address] = /^# weft begin (\S+): /.exec(line) ?? [];
    if (address !== undefined) {
      ours = [`nameserver ${address}`, END];
      return false;
    }
    if (!ours.includes(line)) return true;
    ours = line === END ? [] : ours.filter((one) => one !== line);
    return false;
  });
  return kept.join('\n');
}
