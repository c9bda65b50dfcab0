/** The daemon's settings, validated and frozen: what every room is handed, whatever they came from (options.ts). */
import type { Address } from '../ip/address.ts';
import type { Pool } from '../ip/pool.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import type { PerFamily } from '../state/facts.ts';

export interface Config {
  readonly etcd: EtcdConfig;
  readonly underlay: UnderlayConfig;
  /** Where subnet.env goes. */
  readonly subnetFile: string;
  /** The lease is renewed this long before it ends, in ms. */
  readonly renewMarginMs: number;
  /** How old a WireGuard key gets before it is changed, in ms; 0: it is not. */
  readonly wireguardRotateEveryMs: number;
  readonly networks: NetworksConfig;
  /** Absent: switched off. */
  readonly gossip?: GossipConfig;
  /** Absent: switched off. */
  readonly dns?: DnsConfig;
  readonly firewall: FirewallConfig;
  readonly health: HealthConfig;
  /** Kept over reboots: the node id, and the members that were known. */
  readonly stateDir: string;
  /** Kept until the next reboot. */
  readonly runDir: string;
  /** The control API's unix socket. */
  readonly socket: string;
  readonly log: LogConfig;
}

export interface EtcdConfig {
  /** `http://HOST:PORT` or `https://HOST:PORT`, at least one. */
  readonly endpoints: readonly string[];
  /** Cleaned as paths are, without a slash at its end: keys are `${prefix}/config` and so on. */
  readonly prefix: string;
  /** Paths of PEM files; key and certificate only together. */
  readonly keyFile?: string;
  readonly certFile?: string;
  readonly caFile?: string;
  /** Both or neither. */
  readonly username?: string;
  readonly password?: string;
}

/** How the underlay's link is found: `interfaces` in turn, then the patterns, then `canReach`; with none of them, the default route. */
export interface UnderlayConfig {
  /** Names or addresses. */
  readonly interfaces: readonly string[];
  readonly interfacePatterns: readonly RegExp[];
  readonly canReach?: Address;
  /** What peers are told instead of the link's own address. */
  readonly publicAddresses: PerFamily<Address>;
}

export interface GossipConfig {
  /** Absent: the host name. */
  readonly name?: string;
  /** Interface or address; absent: the underlay's address. */
  readonly bind?: string;
  readonly port: number;
  readonly advertise?: { readonly address: Address; readonly port?: number };
  /** HOST or HOST:PORT. */
  readonly join: readonly string[];
  /** Absent: not encrypted. */
  readonly keyFile?: string;
}

/** Of networks that users make. */
export interface NetworksConfig {
  /** Cleaned as that of EtcdConfig. */
  readonly etcdPrefix: string;
  readonly pools: readonly Pool[];
  /** Addresses stay a host's that is not heard of, in ms. */
  readonly addressGraceMs: number;
}

export interface DnsConfig {
  /** In lower case, without dots around it. */
  readonly domain: string;
  /** How long answers for our names may be kept, in seconds. */
  readonly ttl: number;
  /** Where this host itself may ask, beside the gateway addresses where workloads do. */
  readonly bind: readonly SocketAddress[];
  /** Whom to ask for other names; none: those of /etc/resolv.conf. */
  readonly upstreams: readonly SocketAddress[];
}

export interface FirewallConfig {
  readonly masquerade: boolean;
  /** Masquerade with a random source port (`fully-random`). */
  readonly fullyRandom: boolean;
  readonly forwardRules: boolean;
  readonly blackholeRoute: boolean;
}

export interface HealthConfig {
  readonly address: Address;
  /** 0 turns the server off. */
  readonly port: number;
}

export interface LogConfig {
  readonly level: LogLevel;
  readonly format: LogFormat;
}

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** `auto` is text on a terminal, else JSON. */
export const LOG_FORMATS = ['auto', 'json', 'text'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];
