/**
 * Every setting of weftd, once. Flags, environment, file, `--help`, `weftd config` and
 * docs/configuration.md all come from this table.
 */
import { address } from '../ip/address.ts';
import { LOG_FORMATS, LOG_LEVELS } from './config.ts';
import { IGNORED } from './ignored-options.ts';
import { option, type Option, type WithDefault, type WithoutDefault } from './option.ts';
import {
  absolutePath,
  boolean,
  choice,
  dnsServer,
  domainName,
  duration,
  endpoints,
  hostAndPort,
  integer,
  interfacePattern,
  ipAddress,
  keyPrefix,
  memberName,
  path,
  poolText,
  repeated,
  socketAddress,
  socketPath,
  text,
} from './values.ts';

/** In ms. One change takes some ten seconds, of two minutes at most it waits for its turn, and each host has one. */
const LEAST_ROTATION = 600_000;
/** In ms. etcd may be away for a while. */
const LEAST_GRACE = 60_000;

export const OPTIONS = {
  'etcd-endpoints': option({
    group: 'etcd',
    type: endpoints,
    default: ['http://127.0.0.1:4001', 'http://127.0.0.1:2379'],
    help: 'where etcd listens',
    flanneld: true,
  }),
  'etcd-prefix': option({
    group: 'etcd',
    type: keyPrefix,
    default: '/coreos.com/network',
    help: 'all keys of this network begin with it',
    flanneld: true,
  }),
  'etcd-weft-prefix': option({
    group: 'etcd',
    type: keyPrefix,
    default: '/weft',
    help: 'all keys of networks that users make begin with it; outside of --etcd-prefix',
  }),
  'etcd-keyfile': option({
    group: 'etcd',
    type: path,
    help: 'key of the TLS client certificate, PEM',
    flanneld: true,
  }),
  'etcd-certfile': option({
    group: 'etcd',
    type: path,
    help: 'TLS client certificate, PEM',
    flanneld: true,
  }),
  'etcd-cafile': option({
    group: 'etcd',
    type: path,
    help: "certificates that sign etcd's, PEM; without it the system's",
    flanneld: true,
  }),
  'etcd-username': option({
    group: 'etcd',
    type: text('NAME'),
    help: 'user of etcd',
    flanneld: true,
  }),
  'etcd-password': option({
    group: 'etcd',
    type: text('TEXT'),
    help: 'password of that user; better in the file or the environment, as flags show in ps',
    flanneld: true,
    secret: true,
  }),

  iface: option({
    group: 'underlay',
    type: repeated(text('NAME|ADDRESS')),
    default: [],
    help: 'an interface, by name or address; may be repeated, the first that exists is taken',
    flanneld: true,
    repeatable: true,
  }),
  'iface-regex': option({
    group: 'underlay',
    type: repeated(interfacePattern),
    default: [],
    help: 'matched against addresses, then names, after every --iface; may be repeated',
    flanneld: true,
    repeatable: true,
  }),
  'iface-can-reach': option({
    group: 'underlay',
    type: ipAddress(4, 6),
    help: 'the interface of the route to this address; tried last',
    flanneld: true,
  }),
  'public-ip': option({
    group: 'underlay',
    type: ipAddress(4),
    help: "what the other hosts are told instead of the interface's IPv4 address",
    flanneld: true,
  }),
  'public-ipv6': option({
    group: 'underlay',
    type: ipAddress(6),
    help: "what the other hosts are told instead of the interface's IPv6 address",
    flanneld: true,
  }),

  'subnet-file': option({
    group: 'lease',
    type: path,
    default: '/run/flannel/subnet.env',
    help: 'where the subnet and MTU are written for others to read',
    flanneld: true,
  }),
  'subnet-lease-renew-margin': option({
    group: 'lease',
    type: integer(1, 1439),
    default: 60,
    help: 'renew the lease this many minutes before it ends',
    flanneld: true,
  }),

  'wireguard-rotate-every': option({
    group: 'wireguard',
    type: duration(LEAST_ROTATION),
    default: 0,
    help: "change this host's WireGuard key so long after the last time, as 30d, at least 10m; 0 is never",
  }),

  'no-gossip': option({
    group: 'gossip',
    type: boolean,
    default: false,
    help: 'do not gossip: no members, no keys, and no port open for it',
  }),
  'node-name': option({
    group: 'gossip',
    type: memberName,
    defaultText: 'the host name',
    help: 'name of this member, which no other may have',
  }),
  join: option({
    group: 'gossip',
    type: repeated(hostAndPort),
    default: [],
    help: 'a member to join, by name or address; may be repeated; hosts of the same etcd need none',
    repeatable: true,
  }),
  'gossip-bind': option({
    group: 'gossip',
    type: text('NAME|ADDRESS'),
    defaultText: "the underlay's address",
    help: 'interface or address that gossip listens on',
  }),
  'gossip-port': option({
    group: 'gossip',
    type: integer(1, 65_535),
    default: 7946,
    help: 'its port, UDP and TCP',
  }),
  'gossip-advertise': option({
    group: 'gossip',
    type: socketAddress,
    defaultText: 'where it listens',
    help: 'what the other members are told instead, behind address translation',
  }),
  'gossip-key-file': option({
    group: 'gossip',
    type: path,
    help: "keys of an encrypted gossip: Serf's keyring file, or one key in base64; without it nothing is encrypted",
  }),

  'network-pool': option({
    group: 'networks',
    type: repeated(poolText),
    default: [],
    defaultText: "Docker's, and fdf7:77ef:7400::/40:64",
    help: 'where subnets of networks are taken from that are created without; may be repeated',
    repeatable: true,
  }),
  'address-grace': option({
    group: 'networks',
    type: duration(LEAST_GRACE, false),
    default: 3_600_000,
    help: "how long addresses in networks stay a host's that is not heard of",
  }),

  'no-dns': option({
    group: 'dns',
    type: boolean,
    default: false,
    help: 'answer no questions for names, and open no port for them',
  }),
  'dns-domain': option({
    group: 'dns',
    type: domainName,
    default: 'weft',
    help: 'domain of all names: NAME.NETWORK.DOMAIN and HOST.host.DOMAIN; the same on every host',
  }),
  'dns-ttl': option({
    group: 'dns',
    type: integer(0, 86_400),
    default: 1,
    help: 'how long those who ask may keep the addresses of a name, in seconds',
  }),
  'dns-bind': option({
    group: 'dns',
    type: repeated(dnsServer),
    default: ['127.0.0.57:53'],
    help: 'also answer there, to this host itself, all names of all networks (weft dns enable-host)',
    repeatable: true,
  }),
  'dns-upstream': option({
    group: 'dns',
    type: repeated(dnsServer),
    default: [],
    defaultText: 'those of /etc/resolv.conf, as they change',
    help: 'server that is asked for all other names',
    repeatable: true,
  }),

  'ip-masq': option({
    group: 'firewall',
    type: boolean,
    default: false,
    help: 'masquerade what leaves the overlay',
    flanneld: true,
  }),
  'ip-masq-fully-random-disable': option({
    group: 'firewall',
    type: boolean,
    default: false,
    help: 'masquerade without random source ports',
    flanneld: true,
  }),
  'iptables-forward-rules': option({
    group: 'firewall',
    type: boolean,
    default: true,
    help: 'accept forwarded packets from and to the overlay',
    flanneld: true,
  }),
  'ip-blackhole-route': option({
    group: 'firewall',
    type: boolean,
    default: false,
    help: 'drop packets to addresses of our subnet that no workload has',
    flanneld: true,
  }),

  'healthz-ip': option({
    group: 'health',
    type: ipAddress(4, 6),
    default: address('0.0.0.0'),
    help: 'address that /healthz, /readyz and /metrics listen on',
    flanneld: true,
  }),
  'healthz-port': option({
    group: 'health',
    type: integer(0, 65_535),
    default: 0,
    help: 'their port; 0 turns them off',
    flanneld: true,
  }),

  config: option({
    group: 'files',
    type: path,
    defaultText: '/etc/weft/weftd.toml, if it exists',
    help: 'settings in TOML, named like the flags',
    notInFile: true,
  }),
  'state-dir': option({
    group: 'files',
    type: absolutePath,
    default: '/var/lib/weft',
    help: 'what outlives a reboot: the identity of this host, the members it knew, its endpoints and static names',
  }),
  'run-dir': option({
    group: 'files',
    type: absolutePath,
    default: '/run/weft',
    help: 'what lasts until the next reboot',
  }),
  socket: option({
    group: 'files',
    type: socketPath,
    defaultText: 'weft.sock in --run-dir',
    help: 'unix socket of the control API, which the command weft talks to',
  }),

  'log-level': option({
    group: 'log',
    type: choice(LOG_LEVELS),
    default: 'info',
    help: 'the least that is logged',
  }),
  'log-format': option({
    group: 'log',
    type: choice(LOG_FORMATS),
    default: 'auto',
    help: 'auto is text on a terminal, else JSON',
  }),
  v: option({
    group: 'log',
    type: integer(0, 100),
    default: 0,
    help: "flanneld's verbosity: 1 and more is --log-level debug",
    flanneld: true,
    notInFile: true,
  }),

  plan: option({
    group: 'command',
    type: boolean,
    default: false,
    help: 'as the command plan',
    flagOnly: true,
    commands: ['run', 'plan'],
  }),
  yes: option({
    group: 'command',
    type: boolean,
    default: false,
    help: 'remove without asking',
    flagOnly: true,
    commands: ['cleanup'],
  }),
  'network-config': option({
    group: 'command',
    type: text('JSON'),
    help: 'plan as if this JSON were the network configuration in etcd: to see a change before it is made',
    flagOnly: true,
    commands: ['plan'],
  }),
  'release-lease': option({
    group: 'command',
    type: boolean,
    default: false,
    help: "also give this host's lease in etcd back, and leave the gossip: its peers drop their routes to it",
    flagOnly: true,
    commands: ['cleanup'],
  }),
  json: option({
    group: 'command',
    type: boolean,
    default: false,
    help: 'print JSON',
    flagOnly: true,
    commands: ['config', 'plan'],
  }),
  help: option({
    group: 'command',
    type: boolean,
    default: false,
    help: 'print this and exit; also -h',
    flagOnly: true,
  }),
  version: option({
    group: 'command',
    type: boolean,
    default: false,
    help: 'print the version and exit',
    flagOnly: true,
  }),

  'kube-subnet-mgr': option({
    group: 'ignored',
    type: boolean,
    default: false,
    help: 'must stay false: weftd keeps its leases in etcd, not in Kubernetes',
    flanneld: true,
    notInFile: true,
  }),
  ...IGNORED,
} as const;

export type OptionName = keyof typeof OPTIONS;
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/** The value of every option, as typed by the table. */
export type Values = {
  readonly [Name in OptionName]: ValueOf<(typeof OPTIONS)[Name]>;
};
type ValueOf<O> =
  O extends WithDefault<infer T> ? T : O extends WithoutDefault<infer T> ? T | undefined : never;

/** As one type, where the value's own does not matter. */
export function optionNamed(name: OptionName): Option<unknown> {
  return OPTIONS[name];
}

/** The environment variables that set it, the strongest first. */
export function environmentNames(name: OptionName): readonly string[] {
  const { flagOnly, flanneld } = optionNamed(name);
  if (flagOnly === true) return [];
  const suffix = name.toUpperCase().replaceAll('-', '_');
  return flanneld === true ? [`WEFT_${suffix}`, `FLANNELD_${suffix}`] : [`WEFT_${suffix}`];
}
