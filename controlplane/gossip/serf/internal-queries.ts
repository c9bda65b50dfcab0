/** Queries that Serf's agents ask each other, answered here and told to nobody (specification §20.7). */
import { encodeSerf, type Keyring, type SerfMember as WireMember } from '../codec/index.ts';
import type { IncomingQuery, MemberStatus } from './face.ts';
import { changeKeys, encodeKeyResponse, KEY_QUERIES } from './keys.ts';
import type { SerfMember, SerfMembers } from './members.ts';

const PREFIX = '_serf_';
export const CONFLICT_QUERY = '_serf_conflict';
/** Bytes of a response besides our name and the payload, at most. */
const ENVELOPE = 64;
const STATUS_NUMBERS: Readonly<Record<MemberStatus, number>> = {
  alive: 1,
  leaving: 2,
  left: 3,
  failed: 4,
};

export interface InternalQueriesOptions {
  readonly name: string;
  /** Bytes of a response. */
  readonly sizeLimit: number;
  readonly members: SerfMembers;
  readonly keyring: () => Keyring;
  readonly setKeyring: (keyring: Keyring) => void;
}

/** False for a query that is the application's. Unknown internal ones are for newer members: silence. */
export function answerInternal(query: IncomingQuery, options: InternalQueriesOptions): boolean {
  if (!query.name.startsWith(PREFIX)) return false;
  const operation = KEY_QUERIES.get(query.name);
  if (query.name === CONFLICT_QUERY) answerConflict(query, options);
  else if (operation !== undefined) {
    const { name, sizeLimit, keyring, setKeyring } = options;
    const before = keyring();
    const { keyring: after, response } = changeKeys(operation, before, query.payload);
    if (after !== before) setKeyring(after);
    const room = sizeLimit - ENVELOPE - Buffer.byteLength(name);
    query.respond(encodeKeyResponse(response, room));
  }
  return true;
}

/** Where we think that a member is. Whoever has the name itself is a party, and silent. */
function answerConflict(query: IncomingQuery, { name, members }: InternalQueriesOptions): void {
  const subject = Buffer.from(query.payload).toString();
  if (subject === name) return;
  const member = members.get(subject);
  query.respond(encodeSerf({ kind: 'conflictResponse', member: member && wireMember(member) }));
}

function wireMember({ name, addr, port, tags, status, vsn }: SerfMember): WireMember {
  const [protocolMin = 0, protocolMax = 0, protocolCur = 0] = vsn;
  const [delegateMin = 0, delegateMax = 0, delegateCur = 0] = vsn.subarray(3);
  return {
    name,
    addr,
    port,
    tags,
    status: STATUS_NUMBERS[status],
    protocolMin,
    protocolMax,
    protocolCur,
    delegateMin,
    delegateMax,
    delegateCur,
  };
}
