/** Reads what `wg show all dump` prints (wg(8)): a line each for device and peer, fields between tabs. Pure. */
import { parsePrefix } from '../../ip/prefix.ts';
import { parseSocketAddress } from '../../ip/socket-address.ts';
import type { Wireguard, WireguardPeer } from '../../state/resource.ts';
import { parsePublicKey, type PeerSession } from '../../state/wireguard.ts';

export interface Dump {
  readonly devices: readonly Wireguard[];
  readonly peers: readonly PeerRecord[];
}

export interface PeerRecord extends PeerSession {
  readonly peer: WireguardPeer;
  readonly sentBytes: number;
}

/** Lines that make no sense are left out. Private keys are not looked at. */
export function parseDump(text: string): Dump {
  const rows = text.split('\n').map((line) => line.split('\t'));
  return {
    devices: rows.filter((row) => row.length === DEVICE_FIELDS).flatMap(deviceIn),
    peers: rows.filter((row) => row.length === PEER_FIELDS).flatMap(peerIn),
  };
}

/** name, private key, public key, port, fwmark */
const DEVICE_FIELDS = 5;
/** name, public key, preshared key, endpoint, allowed ips, latest handshake, received, sent, keepalive */
const PEER_FIELDS = 9;
const NONE = '(none)';

function deviceIn([link = '', , key, port]: readonly string[]): Wireguard[] {
  return [{ kind: 'wireguard', link, publicKey: parsePublicKey(key), port: Number(port) }];
}

function peerIn(row: readonly string[]): PeerRecord[] {
  const [link = '', key, psk = NONE, endpoint = NONE, allowed = NONE, ...numbers] = row;
  const [handshake, received, sent, keepalive] = numbers;
  const publicKey = parsePublicKey(key);
  if (publicKey === undefined) return [];
  const peer: WireguardPeer = {
    kind: 'wireguard-peer',
    link,
    publicKey,
    endpoint: parseSocketAddress(endpoint),
    allowedIps: allowed
      .split(',')
      .map(parsePrefix)
      .filter((prefix) => prefix !== undefined)
      .toSorted(),
    keepalive: keepalive === 'off' ? 0 : Number(keepalive),
    presharedKey: psk === NONE ? undefined : psk,
  };
  const [receivedBytes, sentBytes] = [Number(received), Number(sent)];
  return [{ peer, handshake: Number(handshake), receivedBytes, sentBytes }];
}
