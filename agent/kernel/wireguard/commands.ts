/** Operations as arguments of `wg set` (wg(8)). No secret is among them: keys go by files. Pure. */
import type { Operation } from '../../state/kernel.ts';
import { same, type Wireguard, type WireguardPeer } from '../../state/resource.ts';
import type { PublicKey } from '../../state/wireguard.ts';

export type Tunnel = Wireguard | WireguardPeer;

/** How secrets reach `wg`. */
export interface KeyFiles {
  /** The file of the private key that belongs to it. */
  privateKey(publicKey: PublicKey | undefined): string;
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
    return ['listen-port', `${desired.port}`, 'private-key', files.privateKey(desired.publicKey)];
  const before = actual?.kind === 'wireguard-peer' ? actual : undefined;
  const wishes = wishesOf(desired, before, files);
  if (wishes.length === 0) return [];
  return ['peer', desired.publicKey, ...wishes, ...(before === undefined ? greet(desired) : [])];
}

/**
 * A keepalive switched on sends one at once, and with it a handshake; then it is as it shall be. A new device has no
 * sessions, while its peers may still have theirs with the one before it, and would send into the void for 15 s until
 * they ask for a new one (KEEPALIVE_TIMEOUT and REKEY_TIMEOUT of the protocol).
 */
function greet({ publicKey, keepalive }: WireguardPeer): string[] {
  const steps = keepalive === 0 ? [0, GREETING, 0] : [0, keepalive];
  return steps.flatMap((step) => ['peer', publicKey, 'persistent-keepalive', `${step}`]);
}

/** In s; any would do. */
const GREETING = 25;

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
  if (actual !== undefined && actual.keepalive !== keepalive)
    args.push('persistent-keepalive', `${keepalive}`);
  if (actual === undefined || !same({ ...actual, allowedIps }, actual))
    args.push('allowed-ips', allowedIps.join(','));
  return args;
}
