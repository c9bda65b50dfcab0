/** Words of WireGuard that several rooms share. */

/** A public key: base64 of 32 bytes, as `wg` writes it, so that `===` and Map keys work. */
export type PublicKey = string & { readonly __brand: 'PublicKey' };

/** Names of flanneld's devices: the second one only where each outer family has its own. */
export const WIREGUARD_LINKS = ['flannel-wg', 'flannel-wg-v6'] as const;

/** How the alias of our WireGuard devices begins: tells one that runs in user space from another program's tunnel. */
export const WIREGUARD_ALIAS = 'weft wireguard';

/** 32 bytes end in one character of four bits and one of padding. */
const KEY = /^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/;

/** Whether the text is base64 of 32 bytes: any of WireGuard's keys, public, private or shared. */
export function isKey(text: unknown): text is string {
  return typeof text === 'string' && KEY.test(text);
}

export function parsePublicKey(text: unknown): PublicKey | undefined {
  return isKey(text) ? (text as PublicKey) : undefined;
}
