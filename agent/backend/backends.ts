/** Every backend by the `Type` of the network configuration, its options parsed at this door. */
import type { NetworkConfig } from '../state/facts.ts';
import { isKey } from '../state/wireguard.ts';
import { alloc } from './alloc.ts';
import { auto, ENCRYPTION_POLICIES } from './auto.ts';
import type { Backend } from './backend.ts';
import { extension } from './extension.ts';
import { hostGw } from './host-gw.ts';
import { gre, ipip } from './tunnel.ts';
import { udp } from './udp.ts';
import { vxlan, type VxlanOptions } from './vxlan.ts';
import { wireguard, WIREGUARD_MODES, type WireguardOptions } from './wireguard.ts';

type Options = NetworkConfig['backend']['options'];

const BACKENDS: Readonly<Record<string, (options: Options) => Backend>> = {
  vxlan: (options) => vxlan(vxlanOptions(options)),
  'host-gw': hostGw,
  ipip: (options) => ipip({ directRouting: flag(options, 'DirectRouting') }),
  alloc,
  extension: (options) =>
    extension({
      preStartup: text(options, 'PreStartupCommand'),
      postStartup: text(options, 'PostStartupCommand'),
      subnetAdd: text(options, 'SubnetAddCommand'),
      subnetRemove: text(options, 'SubnetRemoveCommand'),
    }),
  gre: (options) => gre({ directRouting: flag(options, 'DirectRouting') }),
  udp: (options) => udp({ port: whole(options, 'Port', 0, { min: 0, max: 65_535 }) || 8285 }),
  wireguard: (options) => wireguard(wireguardOptions(options)),
  auto: (options) =>
    auto({
      encrypt: choice(options, 'Encrypt', ENCRYPTION_POLICIES),
      directRouting: flag(options, 'DirectRouting', true),
      parts: {
        'host-gw': hostGw(),
        vxlan: vxlan({ ...vxlanOptions(options), directRouting: false }),
        wireguard: wireguard(wireguardOptionsOfAuto(options)),
      },
    }),
};

function vxlanOptions(options: Options): VxlanOptions {
  const mtu = whole(options, 'MTU', 0, { min: 0, max: 65_535 });
  return {
    vni: whole(options, 'VNI', 1, { min: 1, max: 0xff_ff_ff }),
    port: whole(options, 'Port', 0, { min: 0, max: 65_535 }) || 8472,
    ...(mtu === 0 ? {} : { mtu }),
    gbp: flag(options, 'GBP'),
    learning: flag(options, 'Learning'),
    directRouting: flag(options, 'DirectRouting'),
  };
}

function wireguardOptions(options: Options): WireguardOptions {
  const mtu = whole(options, 'MTU', 0, { min: 0, max: 65_535 });
  const presharedKey = key(options, 'PSK');
  return {
    mode: choice(options, 'Mode', WIREGUARD_MODES),
    ports: {
      4: whole(options, 'ListenPort', 0, { min: 0, max: 65_535 }) || 51_820,
      6: whole(options, 'ListenPortV6', 0, { min: 0, max: 65_535 }) || 51_821,
    },
    ...(mtu === 0 ? {} : { mtu }),
    keepalive: whole(options, 'PersistentKeepaliveInterval', 0, { min: 0, max: 65_535 }),
    ...(presharedKey === undefined ? {} : { presharedKey }),
  };
}

/** It has one device for both outer families, and its mode is not to be chosen. */
function wireguardOptionsOfAuto(options: Options): WireguardOptions {
  if ((field(options, 'Mode') ?? '') !== '')
    throw new RangeError(
      'Backend.Mode is not for auto, which has one WireGuard device for both families: leave it out, or set Backend.Type to wireguard',
    );
  return { ...wireguardOptions(options), mode: 'auto' };
}

/** The backend the network configuration asks for; throws a RangeError whose message is one sentence for the operator. */
export function createBackend({ type, options }: NetworkConfig['backend']): Backend {
  const create = Object.hasOwn(BACKENDS, type) ? BACKENDS[type] : undefined;
  if (create === undefined) {
    const known = Object.keys(BACKENDS).join(' or ');
    throw new RangeError(
      `the network configuration asks for backend "${type}", which weft does not have: set Backend.Type to ${known}`,
    );
  }
  return create(options);
}

/** Field names are matched in any case, as Go's encoding/json does. */
function field(options: Options, name: string): unknown {
  return Object.entries(options).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function whole(
  options: Options,
  name: string,
  otherwise: number,
  range: { min: number; max: number },
): number {
  const value = field(options, name) ?? otherwise;
  if (
    typeof value === 'number' &&
    Number.isInteger(value) &&
    value >= range.min &&
    value <= range.max
  ) {
    return value;
  }
  throw new RangeError(
    `Backend.${name} must be a whole number from ${range.min} to ${range.max}, not ${JSON.stringify(value)}`,
  );
}

function flag(options: Options, name: string, otherwise = false): boolean {
  const value = field(options, name) ?? otherwise;
  if (typeof value === 'boolean') return value;
  throw new RangeError(`Backend.${name} must be true or false, not ${JSON.stringify(value)}`);
}

function text(options: Options, name: string): string {
  const value = field(options, name) ?? '';
  if (typeof value === 'string') return value.trim();
  throw new RangeError(`Backend.${name} must be a text, not ${JSON.stringify(value)}`);
}

/** The first is the default; an empty text means it too. */
function choice<T extends string>(options: Options, name: string, words: readonly T[]): T {
  const value = field(options, name) ?? '';
  const found = value === '' ? words[0] : words.find((word) => word === value);
  if (found !== undefined) return found;
  throw new RangeError(
    `Backend.${name} must be ${words.join(' or ')}, not ${JSON.stringify(value)}`,
  );
}

/** The value is a secret, and not told. */
function key(options: Options, name: string): string | undefined {
  const value = field(options, name) ?? '';
  if (value === '') return undefined;
  if (isKey(value)) return value;
  throw new RangeError(`Backend.${name} must be base64 of 32 bytes, as "wg genpsk" makes it`);
}
