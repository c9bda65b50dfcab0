/** Operations as arguments of `wg set` (wg(8)). No secret is among them: keys go by files. Pure. */
import type { Operation } from '../../state/kernel.ts';
import { same, type Wireguard, type WireguardPeer } from '../../state/resource.ts';

export type Tunnel = Wireguard | WireguardPeer;

/** How secrets reach `wg`. */
export interface KeyFiles {
  readonly privateKey: string;
  /** A file that holds the key; /dev/null for none. */
  presharedKey(key: string | undefined): string;
  /** Whether a peer's endpoint is to be left as the device has it. */
  mayStay(peer: WireguardPeer): boolean;
}

/** What of one operation comes after `wg set LINK`; nothing when there is nothing to do. */
export function argumentsOf(operation: Operation, files: KeyFiles): readonly string[] {
  const { desired, actual } = operation as { desired?: Tunnel; actual?: Tunnel };
  if (desired === undefined)
    return actual?.kind === 'wireguard-peer' ? ['peer', actual.publicKey, 'remove'] : [];
  if (desired.kind === 'wireguard')
    return ['listen-port', `${desired.port}`, 'private-key', files.privateKey];
  const wishes = wishesOf(desired, actual?.kind === 'wireguard-peer' ? actual : undefined, files);
  return wishes.length === 0 ? [] : ['peer', desired.publicKey, ...wishes];
}

/** What differs; all of it for a new peer. The allowed addresses come last: with them traffic begins. */
function wishesOf(
  desired: WireguardPeer,
  actual: WireguardPeer | undefined,
  files: KeyFiles,
): string[] {
  const { presharedKey, endpoint, keepalive, allowedIps } = desired;
  const args: string[] = [];
  if (actual?.presharedKey !== presharedKey || actual === undefined)
    args.push('preshared-key', files.presharedKey(presharedKey));
  if (endpoint !== undefined && actual?.endpoint !== endpoint && !files.mayStay(desired))
    args.push('endpoint', endpoint);
  if (actual?.keepalive !== keepalive) args.push('persistent-keepalive', `${keepalive}`);
  if (actual === undefined || !same({ ...actual, allowedIps }, actual))
    args.push('allowed-ips', allowedIps.join(','));
  return args;
}
