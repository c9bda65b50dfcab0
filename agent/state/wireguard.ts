/** Words of WireGuard that several rooms share. */

/** A public key: base64 of 32 bytes, as `wg` writes it, so that `===` and Map keys work. */
export type PublicKey = string & { readonly __brand: 'PublicKey' };

/** Names of flanneld's devices: the second one only where each outer family has its own. */
export const MAIN_LINKS = ['flannel-wg', 'flannel-wg-v6'] as const;

/** What stands beside them while a host changes its key. */
export const DETOUR_LINKS = ['weft-detour', 'weft-detour-v6'] as const;

export const WIREGUARD_LINKS: readonly string[] = [...MAIN_LINKS, ...DETOUR_LINKS];

/** How the alias of our WireGuard devices begins: tells one that runs in user space from another program's tunnel. */
export const WIREGUARD_ALIAS = 'weft wireguard';

/** A session takes no packets any more, so long after its handshake, in s (REJECT_AFTER_TIME of the protocol). */
export const SESSION_S = 180;

/** Whether a session whose handshake was at `handshake` takes packets at `now`, both in s since 1970; 0: there was none. */
export function isInSession(handshake: number, now: number): boolean {
  return handshake > 0 && now - handshake < SESSION_S;
}

/** What a device tells of a peer. */
export interface PeerSession {
  /** Of the latest handshake, in s since 1970; 0 when there was none. */
  readonly handshake: number;
  /** Since the device knows the peer, handshakes included. */
  readonly receivedBytes: number;
}

/** By `sessionName`. */
export type PeerSessions = ReadonlyMap<string, PeerSession>;

export function sessionName(link: string, publicKey: PublicKey): string {
  return `${link} ${publicKey}`;
}

/** 32 bytes end in one character of four bits and one of padding. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** Whether the text is base64 of 32 bytes: any of WireGuard's keys, public, private or shared. */
export function isKey(text: unknown): text is string {
  return typeof text === 'string' && KEY.test(text);
}

export function parsePublicKey(text: unknown): PublicKey | undefined {
  return isKey(text) ? (text as PublicKey) : undefined;
}
