/** From arguments, environment and file to one Config, and where each value came from. Pure: reading the file is handed in. */
import { DEFAULT_POOLS, parsePool, type Pool } from '../ip/pool.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import type { Config, DnsConfig, GossipConfig } from './config.ts';
import { DEFAULT_FILE, readSettings, type ReadFile } from './file.ts';
import { parseFlags, type Flags } from './flags.ts';
import { helpText } from './help.ts';
import { type CommandName } from './option.ts';
import { OPTION_NAMES, optionNamed, type Values } from './options.ts';
import { SettingError } from './setting-error.ts';
import { isSet, settingOf, type Environment, type File, type Setting } from './settings.ts';
import { checkTogether } from './together.ts';
import { compilePattern, socketPath } from './values.ts';

export type Command =
  | { readonly name: 'run' }
  | { readonly name: 'config'; readonly json: boolean }
  | { readonly name: 'plan'; readonly json: boolean; readonly networkConfig?: string }
  | { readonly name: 'cleanup'; readonly yes: boolean; readonly releaseLease: boolean };

export type CommandLine =
  | {
      readonly kind: 'command';
      readonly command: Command;
      readonly config: Config;
      readonly provenance: readonly Setting[];
      /** To be logged once. */
      readonly warnings: readonly string[];
    }
  /** For stdout; exit 0. */
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  /** One sentence for stderr; exit 2. */
  | { readonly kind: 'error'; readonly message: string };

/** `argv` without the program's name. `readFile` throws as node:fs does. Never throws. */
export function parseCommandLine(
  argv: readonly string[],
  env: Environment,
  readFile: ReadFile,
): CommandLine {
  try {
    const flags = parseFlags(argv);
    if (flags === 'help') return { kind: 'help', text: helpText() };
    if (flags === 'version') return { kind: 'version' };
    return resolve(flags, env, readFile);
  } catch (cause) {
    if (cause instanceof SettingError) return { kind: 'error', message: cause.message };
    throw cause;
  }
}

function resolve(flags: Flags, env: Environment, readFile: ReadFile): CommandLine {
  const file = fileOf(flags, env, readFile);
  const provenance = follow(OPTION_NAMES.map((name) => settingOf(name, flags, env, file)));
  const values = Object.fromEntries(
    provenance.map(({ name, value }) => [name, value]),
  ) as unknown as Values;
  if (values.help) return { kind: 'help', text: helpText() };
  if (values.version) return { kind: 'version' };
  const command = values.plan && flags.command === 'run' ? 'plan' : flags.command;
  checkCommand(command, provenance);
  const warnings = checkTogether(values);
  const unused = provenance.filter((setting) => isSet(setting) && isIgnored(setting));
  if (unused.length > 0) {
    const names = unused.map(({ name }) => `--${name}`).join(', ');
    warnings.push(`accepted for flanneld's sake and without effect: ${names}`);
  }
  return {
    kind: 'command',
    command: commandOf(command, values),
    config: configOf(values),
    provenance,
    warnings,
  };
}

function isIgnored({ name }: Setting): boolean {
  return optionNamed(name).ignored === true;
}

/** Fills in the settings that, not set themselves, follow another. */
function follow(provenance: readonly Setting[]): Setting[] {
  const named = (name: string) => provenance.find((setting) => setting.name === name);
  return provenance.map((setting) => {
    if (isSet(setting)) return setting;
    const verbosity = named('v');
    if (setting.name === 'log-level' && Number(verbosity?.value) >= 1)
      return { ...setting, value: 'debug', source: verbosity?.source ?? setting.source };
    if (setting.name === 'socket')
      return { ...setting, value: socketIn(String(named('run-dir')?.value)) };
    return setting;
  });
}

function socketIn(directory: string): string {
  const path = `${directory.replace(/\/+$/, '')}/weft.sock`;
  if (socketPath.parse(path) !== undefined) return path;
  throw new SettingError(
    `--run-dir is too long for a socket in it; give --socket ${socketPath.wanted}`,
  );
}

function fileOf(flags: Flags, env: Environment, readFile: ReadFile): File {
  const { value } = settingOf('config', flags, env, undefined);
  const path = typeof value === 'string' ? value : DEFAULT_FILE;
  const absent = value === undefined ? 'allowed' : 'wrong';
  return { path, texts: readSettings(path, absent, readFile) };
}

function checkCommand(command: CommandName, provenance: readonly Setting[]): void {
  for (const setting of provenance) {
    const { name } = setting;
    const { commands } = optionNamed(name);
    if (commands === undefined || !isSet(setting) || commands.includes(command)) continue;
    const owners = commands.map((owner) => (owner === 'run' ? 'weftd' : `weftd ${owner}`));
    throw new SettingError(
      `--${name} belongs to "${owners.join('" and "')}"; take it out, or give that command`,
    );
  }
}

function commandOf(name: CommandName, values: Values): Command {
  if (name === 'run') return { name };
  if (name === 'config') return { name, json: values.json };
  if (name === 'plan')
    return { name, json: values.json, ...present('networkConfig', values['network-config']) };
  return { name, yes: values.yes, releaseLease: values['release-lease'] };
}

function configOf(values: Values): Config {
  return deepFreeze({
    etcd: {
      endpoints: values['etcd-endpoints'],
      prefix: values['etcd-prefix'],
      ...present('keyFile', values['etcd-keyfile']),
      ...present('certFile', values['etcd-certfile']),
      ...present('caFile', values['etcd-cafile']),
      ...present('username', values['etcd-username']),
      ...present('password', values['etcd-password']),
    },
    underlay: {
      interfaces: values.iface,
      interfacePatterns: values['iface-regex']
        .map(compilePattern)
        .filter((one) => one !== undefined),
      ...present('canReach', values['iface-can-reach']),
      publicAddresses: {
        ...present(4, values['public-ip']),
        ...present(6, values['public-ipv6']),
      },
    },
    subnetFile: values['subnet-file'],
    renewMarginMs: values['subnet-lease-renew-margin'] * 60_000,
    wireguardRotateEveryMs: values['wireguard-rotate-every'],
    networks: {
      etcdPrefix: values['etcd-weft-prefix'],
      pools: poolsOf(values),
      addressGraceMs: values['address-grace'],
    },
    ...present('gossip', values['no-gossip'] ? undefined : gossipOf(values)),
    ...present('dns', values['no-dns'] ? undefined : dnsOf(values)),
    firewall: {
      masquerade: values['ip-masq'],
      fullyRandom: !values['ip-masq-fully-random-disable'],
      forwardRules: values['iptables-forward-rules'],
      blackholeRoute: values['ip-blackhole-route'],
    },
    health: { address: values['healthz-ip'], port: values['healthz-port'] },
    stateDir: values['state-dir'],
    runDir: values['run-dir'],
    socket: values.socket ?? socketIn(values['run-dir']),
    log: { level: values['log-level'], format: values['log-format'] },
  });
}

function poolsOf(values: Values): readonly Pool[] {
  const given = values['network-pool'].map(parsePool).filter((pool) => pool !== undefined);
  return given.length > 0 ? given : DEFAULT_POOLS;
}

function gossipOf(values: Values): GossipConfig {
  return {
    ...present('name', values['node-name']),
    ...present('bind', values['gossip-bind']),
    port: values['gossip-port'],
    ...present('advertise', values['gossip-advertise']),
    join: values.join,
    ...present('keyFile', values['gossip-key-file']),
  };
}

function dnsOf(values: Values): DnsConfig {
  return {
    domain: values['dns-domain'],
    ttl: values['dns-ttl'],
    bind: values['dns-bind'] as readonly SocketAddress[],
    upstreams: values['dns-upstream'] as readonly SocketAddress[],
  };
}

function present<K extends string | number, T>(
  key: K,
  value: T | undefined,
): Partial<Record<K, T>> {
  return value === undefined ? {} : ({ [key]: value } as Record<K, T>);
}

function deepFreeze<T extends object>(value: T): T {
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null) deepFreeze(part as object);
  }
  return Object.freeze(value);
}
