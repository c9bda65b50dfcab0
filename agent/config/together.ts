/** What no setting can tell alone: pairs that contradict each other. */
import { isDeepStrictEqual } from 'node:util';
import type { OptionName, Values } from './options.ts';
import { SettingError } from './setting-error.ts';

/** Throws SettingError on a contradiction; returns what is odd but works, as sentences. */
export function checkTogether(values: Values): string[] {
  if (values['kube-subnet-mgr']) {
    throw new SettingError(
      '--kube-subnet-mgr is not possible, as weftd keeps its leases in etcd: take it out and give --etcd-endpoints',
    );
  }
  apart(values['etcd-weft-prefix'], values['etcd-prefix']);
  bothOrNeither(values, 'etcd-keyfile', 'etcd-certfile');
  bothOrNeither(values, 'etcd-username', 'etcd-password');
  return [...unusedTls(values), ...unused(values, 'no-gossip'), ...unused(values, 'no-dns')];
}

/** flanneld would take our keys for its own, or we its. */
function apart(own: string, flannels: string): void {
  const isBelow = (one: string, other: string): boolean => `${one}/`.startsWith(`${other}/`);
  if (!isBelow(own, flannels) && !isBelow(flannels, own)) return;
  throw new SettingError(
    `--etcd-weft-prefix ${own} and --etcd-prefix ${flannels} lie one below the other: give one that lies apart`,
  );
}

function bothOrNeither(values: Values, one: OptionName, other: OptionName): void {
  if ((values[one] === undefined) === (values[other] === undefined)) return;
  const [given, missing] = values[one] === undefined ? [other, one] : [one, other];
  throw new SettingError(
    `--${given} is of no use without --${missing}; give both, or take --${given} out`,
  );
}

function unusedTls(values: Values): string[] {
  const given = (['etcd-certfile', 'etcd-cafile'] as const).filter(
    (name) => values[name] !== undefined,
  );
  const isPlain = values['etcd-endpoints'].every((url) => url.startsWith('http:'));
  if (given.length === 0 || !isPlain) return [];
  const names = given.map((name) => `--${name}`).join(' and ');
  return [`${names} has no effect, because no --etcd-endpoints begins with https://`];
}

const SWITCHED_OFF = {
  'no-gossip': ['join', 'gossip-bind', 'gossip-advertise', 'gossip-key-file'],
  'no-dns': ['dns-bind', 'dns-upstream'],
} as const;

function unused(values: Values, off: keyof typeof SWITCHED_OFF): string[] {
  const given = SWITCHED_OFF[off].filter(
    (name) => values[name] !== undefined && !isDeepStrictEqual(values[name], []),
  );
  if (given.length === 0 || !values[off]) return [];
  const names = given.map((name) => `--${name}`).join(', ');
  return [`without effect because of --${off}: ${names}`];
}
