/** What a gossip agent is started with, checked at the door. */
import { encodeTags, LABEL_LIMIT, type Keyring, type Tags } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { addressBytes, findPlace, isUnspecified } from '../net/index.ts';
import { withWeft } from '../node.ts';
import type { Random } from '../random.ts';
import type { SerfSettings } from '../serf/index.ts';
import type { Settings } from '../swim/settings.ts';
import { GossipError } from './error.ts';
import { parseHostPort, type HostPort } from './places.ts';

export type GossipLog = (level: 'info' | 'warn', message: string) => void;

export interface GossipOptions {
  /** No two members have the same; 1 to 128 letters, digits, dots, hyphens, underscores. */
  readonly name: string;
  /** An address of this host, 0.0.0.0 or :: for all of them, or the name of an interface. */
  readonly bind: string;
  /** By UDP and TCP; 0 takes a free one. */
  readonly port: number;
  /** Where others reach us, if that is not where we listen; the address is needed when we listen on all. */
  readonly advertise?: { readonly address?: string; readonly port?: number };
  /** `host`, `host:port`, `[v6]:port`: tried until one took us in. Our own port if none is given. */
  readonly join?: readonly string[];
  readonly tags?: Tags;
  /** Empty: plain. What the key file holds goes before. */
  readonly keyring?: Keyring;
  /** Read at the start and written when the keys change; made of `keyring` if it is missing. */
  readonly keyFile?: string;
  /** Whom we knew, for the next start. */
  readonly snapshotFile?: string;
  readonly label?: string;
  /** LAN if not given. */
  readonly settings?: Settings;
  /** SERF if not given. */
  readonly serf?: SerfSettings;
  /** More places where members may be, asked each time somebody is looked for. */
  readonly seeds?: () => readonly Endpoint[];
  readonly log?: GossipLog;
  /** Called when the list of problems is another. */
  readonly onProblems?: () => void;
  /** In ms, on a clock that never goes back; performance.now if not given. */
  readonly now?: () => number;
  readonly random?: Random;
}

export interface CheckedOptions {
  /** Empty: where we listen. */
  readonly advertise: { readonly addr?: Uint8Array; readonly port?: number };
  readonly places: readonly HostPort[];
  readonly label: Uint8Array;
  readonly tags: Tags;
}

export const DEFAULT_PORT = 7946;
/** As Serf's, where it checks names. */
const NAME = /^[A-Za-z0-9._-]{1,128}$/;

/** Throws a GossipError. */
export function checkOptions(options: GossipOptions): CheckedOptions {
  const { name, port, tags = new Map<string, string>() } = options;
  if (!NAME.test(name))
    throw new GossipError(
      'name',
      `${JSON.stringify(name)} is no name of a member: take 1 to 128 letters, digits, dots, hyphens and underscores`,
    );
  if (!isPort(port) && port !== 0)
    throw new GossipError(
      'bind',
      `${port} is no port: take one of 1 to 65535, or 0 for a free one`,
    );
  return {
    advertise: checkAdvertise(options),
    places: (options.join ?? []).map((text) => parseHostPort(text, port || DEFAULT_PORT)),
    label: checkLabel(options.label ?? ''),
    tags: checkTags(tags),
  };
}

/** Throws a GossipError when they do not fit what a member may say of itself. */
export function checkTags(tags: Tags): Tags {
  try {
    encodeTags(withWeft(tags));
    return tags;
  } catch (cause) {
    throw new GossipError('tags', (cause as Error).message, { cause });
  }
}

function checkAdvertise({ advertise = {}, bind }: GossipOptions): CheckedOptions['advertise'] {
  const { address, port } = advertise;
  if (port !== undefined && !isPort(port))
    throw new GossipError('advertise', `${port} is no port to advertise: take one of 1 to 65535`);
  const addr = address === undefined ? undefined : addressBytes(address);
  if (address !== undefined && (addr === undefined || isUnspecified(addr)))
    throw new GossipError(
      'advertise',
      `${address} is no address that others could reach: give one`,
    );
  const found = findPlace(bind);
  if (addr === undefined && found.ok && isUnspecified(found.place.addr))
    throw new GossipError(
      'advertise',
      `gossip listens on all addresses (${bind}): say which of them others shall use, or listen on one`,
    );
  return { ...(addr === undefined ? {} : { addr }), ...(port === undefined ? {} : { port }) };
}

function checkLabel(text: string): Uint8Array {
  const label = new Uint8Array(Buffer.from(text));
  if (label.length <= LABEL_LIMIT) return label;
  throw new GossipError('label', `the label has ${label.length} bytes, and ${LABEL_LIMIT} at most`);
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 0xffff;
}
