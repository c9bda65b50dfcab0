/** What a setting of weftd is: the shape of the entries of options.ts. */
import type { ValueType } from './values.ts';

export interface Option<T> {
  readonly group: Group;
  readonly type: ValueType<T>;
  readonly help: string;
  readonly default?: T;
  /** What `--help` shows as default when the value comes from another setting. */
  readonly defaultText?: string;
  /** flanneld has it too, so `FLANNELD_NAME` sets it after `WEFT_NAME`. */
  readonly flanneld?: boolean;
  readonly secret?: boolean;
  /** Each flag adds a value, instead of taking the place of the one before. */
  readonly repeatable?: boolean;
  /** Only a flag: no environment, no file. */
  readonly flagOnly?: boolean;
  /** Not in the file. */
  readonly notInFile?: boolean;
  /** The commands it belongs to; all when absent. */
  readonly commands?: readonly CommandName[];
  /** Taken so that a flanneld unit file works, and of no effect. */
  readonly ignored?: boolean;
}

export const COMMANDS = {
  config: 'print each setting, its value and where it came from',
  plan: 'print what should be in the kernel, what is, and what would be done; change nothing',
  cleanup: 'list what weft owns on this host, and with --yes remove it',
} as const;
export type CommandName = 'run' | keyof typeof COMMANDS;

export const GROUPS = {
  etcd: 'etcd',
  underlay: 'Underlay: the interface that carries the overlay',
  lease: 'Lease and subnet.env',
  wireguard: 'WireGuard',
  gossip: 'Gossip: which hosts are alive',
  networks: 'Networks that users make',
  dns: 'DNS: the names of workloads and hosts',
  firewall: 'Firewall',
  health: 'Health and metrics over HTTP',
  files: 'Files',
  log: 'Log',
  command: 'Command line',
  ignored: "flanneld's, accepted without effect",
} as const;
export type Group = keyof typeof GROUPS;

export type WithDefault<T> = Option<T> & { readonly default: T };
export type WithoutDefault<T> = Omit<Option<T>, 'default'>;
export function option<T>(
  spec: WithoutDefault<T> & { readonly default: NoInfer<T> },
): WithDefault<T>;
export function option<T>(spec: WithoutDefault<T>): WithoutDefault<T>;
export function option<T>(spec: Option<T>): Option<T> {
  return spec;
}
