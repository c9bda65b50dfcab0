/** Queries that Serf's agents ask each other, answered here and told to nobody (specification §20.7). */
import { encodeSerf, type Keyring, type SerfMember as WireMember } from '../codec/index.ts';
import type { IncomingQuery, KeyOperation, MemberStatus } from './face.ts';
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
  let answer: Uint8Array | undefined;
  if (query.name === CONFLICT_QUERY) answer = whoHas(query.payload, options);
  else if (operation !== undefined) answer = answerKeys(operation, query.payload, options);
  // Others choose how long their names are: what would be too long is left out.
  if (answer !== undefined && answer.length <= room(options)) query.respond(answer);
  return true;
}

function room({ name, sizeLimit }: InternalQueriesOptions): number {
  return sizeLimit - ENVELOPE - Buffer.byteLength(name);
}

function answerKeys(
  operation: KeyOperation,
  payload: Uint8Array,
  options: InternalQueriesOptions,
): Uint8Array {
  const before = options.keyring();
  const { keyring, response } = changeKeys(operation, before, payload);
  if (keyring !== before) options.setKeyring(keyring);
  return encodeKeyResponse(response, room(options));
}

/** Where we think that a member is. Whoever has the name itself is a party, and silent. */
function whoHas(
  payload: Uint8Array,
  { name, members }: InternalQueriesOptions,
): Uint8Array | undefined {
  const subject = Buffer.from(payload).toString();
  if (subject === name) return undefined;
  const member = members.get(subject);
  return encodeSerf({ kind: 'conflictResponse', member: member && wireMember(member) });
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
