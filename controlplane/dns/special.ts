/**
 * Names that never leave this host, whoever owns them: special-use domain names (RFC 6761 and those that joined its
 * registry) and the reverse names of addresses that mean something here only (RFC 6303).
 */

/** Below these nothing exists: .test and .invalid (6761), .local (6762), .onion (7686), .alt (9476). */
const NOTHING = new Set(['invalid', 'test', 'local', 'onion', 'alt']);

export type Special =
  /** It is this host itself (RFC 6761, section 6.3). */
  | 'localhost'
  /** There is no such name. */
  | 'nothing';

const REVERSE_V4 =
  /(?:^|\.)(?:(?:10|127|0)|(?:168\.192)|(?:254\.169)|(?:(?:1[6-9]|2\d|3[01])\.172)|255\.255\.255\.255|(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.100)\.in-addr\.arpa$/;
/** ::, ::1, fc00::/7, fe80::/10. */
const REVERSE_V6 = /(?:^(?:[01]\.(?:0\.){31})|[cd]\.f\.|[89ab]\.e\.f\.)ip6\.arpa$/;

/** Undefined for all other names. */
export function specialOf(name: string): Special | undefined {
  const top = name.slice(name.lastIndexOf('.') + 1);
  if (top === 'localhost') return 'localhost';
  // No top-level domain is a number (RFC 3696, section 2): an address, or a name like svc.1.
  if (NOTHING.has(top) || /^\d+$/.test(top)) return 'nothing';
  if (top === 'arpa' && (REVERSE_V4.test(name) || REVERSE_V6.test(name))) return 'nothing';
  return undefined;
}
