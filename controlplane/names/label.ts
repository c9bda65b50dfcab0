/** What a name may be: labels of RFC 1123, section 2.1, in lower case, joined by dots. */

/** A label: letters, digits and hyphens inside, 63 at most. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
/** Characters of a name: what NAME.NETWORK.DOMAIN needs beside it still fits the 253 of a DNS name. */
export const NAME_LIMIT = 127;
/** Hosts are HOST.host.DOMAIN, so no network is called so. */
export const HOST_NETWORK = 'host';

export function isLabel(text: string): boolean {
  return LABEL.test(text);
}

/** Names of containers and namespaces may have what labels may not; undefined if nothing is left. */
export function labelFrom(text: string): string | undefined {
  const label = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return isLabel(label) ? label : undefined;
}

/** An endpoint's or a static record's name: one label, or several with dots between (`web.1`). */
export function isName(text: string): boolean {
  return text.length <= NAME_LIMIT && text.split('.').every(isLabel);
}

/** One label, and not the one that stands for hosts. */
export function isNetwork(text: string): boolean {
  return isLabel(text) && text !== HOST_NETWORK;
}
