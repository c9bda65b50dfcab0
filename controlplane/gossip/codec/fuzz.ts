/** For tests: one case after the other of mutated packets and streams, each checked for what must hold of any input. */
import { decodeCoordinate, encodeCoordinate } from './coordinate.ts';
import { encrypt } from './encryption.ts';
import { decodeFilter, encodeFilter } from './filters.ts';
import { labelHeader } from './label.ts';
import { EXPANDED_LIMIT, MESSAGES_LIMIT } from './limits.ts';
import { decodeMessage, encodeMessage, ENCRYPT } from './messages.ts';
import { Chance, mutateBytes, mutateStructure } from './mutations.ts';
import { decodePacket, type Opening } from './packet.ts';
import type { Result } from './refusal.ts';
import { decodeSerf, encodeSerf } from './serf.ts';
import { decodeStream, StreamReader, type StreamOpening, type StreamProgress } from './stream.ts';
import { encodeStreamMessage } from './stream-messages.ts';
import { decodeTags, encodeTags } from './tags.ts';
import { fromHex, ODDITIES, toHex, VECTORS } from './vectors.ts';
import { Writer } from './writer.ts';

/** What the cases came to: a run in which little is taken mutates too wildly to say much. */
export interface Tally {
  cases: number;
  messages: number;
  refusals: number;
  streams: number;
}

const KEYS = [...new Set(VECTORS.flatMap(({ key }) => key ?? []))].map(fromHex);
const LABEL = new Uint8Array(Buffer.from('prod'));
const NO_LABEL = new Uint8Array(0);

const OPENINGS: readonly Opening[] = [
  { label: NO_LABEL, keyring: [] },
  { label: NO_LABEL, keyring: KEYS },
  { label: LABEL, keyring: KEYS },
  { label: LABEL, keyring: [] },
  { label: NO_LABEL, keyring: KEYS, acceptPlain: true },
  { label: LABEL, keyring: KEYS, skipLabelCheck: true },
];

/** As they were sent, and what was inside: so that mutations reach behind encryption and compression. */
const CORPUS: readonly Uint8Array[] = [
  ...VECTORS.filter(({ transport }) => transport !== 'none').flatMap(({ hex, decoded }) => [
    hex ?? '',
    decoded.plaintextHex,
    decoded.message?.uncompressedHex ?? decoded.plaintextHex,
  ]),
  ...ODDITIES.map(({ hex }) => hex),
].map(fromHex);

/** Runs `count` cases; the case `n` of a seed is the case 0 of `seed + n`. Throws on the first that fails. */
export function fuzz(count: number, seed: number): Tally {
  const tally: Tally = { cases: 0, messages: 0, refusals: 0, streams: 0 };
  for (let i = 0; i < count; i++) runCase(seed + i, tally);
  return tally;
}

function runCase(seed: number, tally: Tally): void {
  const chance = new Chance(seed);
  const opening = chance.pick(OPENINGS);
  const isStream = chance.oneIn(3);
  const input = inputOf(opening, isStream, chance);
  try {
    if (isStream) checkStream(input, opening, chance, tally);
    else checkPacket(input, opening, tally);
  } catch (cause) {
    throw new Error(
      `seed ${seed}, ${isStream ? 'stream' : 'packet'} ${toHex(input).slice(0, 5000)}`,
      { cause },
    );
  }
  tally.cases++;
}

function inputOf(opening: Opening, isStream: boolean, chance: Chance): Uint8Array {
  let input = chance.pick(CORPUS);
  for (let left = chance.below(4); left > 0; left--) {
    const mutate = chance.oneIn(2) ? mutateBytes : mutateStructure;
    input = mutate(input, chance);
  }
  // Mostly as the receiver wants it, so that what is inside is looked at.
  if (!chance.oneIn(8)) input = sealed(input, opening, isStream, chance);
  return chance.oneIn(6) ? mutateBytes(input, chance) : input;
}

function sealed(
  plain: Uint8Array,
  opening: Opening,
  isStream: boolean,
  chance: Chance,
): Uint8Array {
  const { label, keyring } = opening;
  const header = opening.skipLabelCheck === true ? NO_LABEL : labelHeader(label);
  if (keyring.length === 0) return concat([header, plain]);
  const frame = new Writer();
  if (isStream) {
    frame.u8(ENCRYPT);
    frame.u32(plain.length + 29);
  }
  const aad = concat([frame.bytes(), label]);
  const nonce = (): Uint8Array => chance.bytes(12);
  const blob = encrypt(plain, [chance.pick(keyring)], { nonce, aad });
  return concat([header, frame.bytes(), blob]);
}

function checkPacket(input: Uint8Array, opening: Opening, tally: Tally): void {
  const { messages, refusals } = decodePacket(input, opening);
  tally.messages += messages.length;
  tally.refusals += refusals.length;
  if (messages.length === 0 && refusals.length === 0) throw new Error('neither taken nor refused');
  // A refusal more for each layer that is left when there are too many.
  if (messages.length + refusals.length > MESSAGES_LIMIT + 10) throw new Error('too many messages');
  checkBounds(messages);
  for (const message of messages) {
    checkStable(message, encodeMessage, decodeMessage);
    if (message.kind === 'user') checkSerf(message.payload);
    if (message.kind === 'alive') checkPart(message.meta, decodeTags, encodeTags);
    if (message.kind === 'ack') checkPart(message.payload, decodeCoordinate, encodeCoordinate);
  }
}

function checkStream(input: Uint8Array, opening: Opening, chance: Chance, tally: Tally): void {
  const sender = chance.oneIn(4) ? 'acceptor' : 'dialler';
  const whole = decodeStream(input, { ...opening, sender });
  const stepwise = inChunks(input, { ...opening, sender }, chance);
  if (JSON.stringify(kindOf(whole)) !== JSON.stringify(kindOf(stepwise)))
    throw new Error('in chunks it reads otherwise than at once');
  if (whole.status !== 'done') return;
  tally.streams++;
  const { message } = whole;
  checkBounds(message);
  const plain = { label: NO_LABEL, keyring: [], sender } as const;
  checkStable(message, encodeStreamMessage, (bytes) => resultOf(decodeStream(bytes, plain)));
  if (message.kind === 'user') checkSerf(message.payload);
  if (message.kind === 'pushPull') checkSerf(message.userState);
}

function inChunks(input: Uint8Array, opening: StreamOpening, chance: Chance): StreamProgress {
  const reader = new StreamReader(opening);
  const most = chance.pick([1, 7, 100, 5000, 70_000]);
  // A byte at a time only while that is quick.
  const size = Math.max(most, Math.ceil(input.length / 2000));
  for (let at = 0; at < input.length;) {
    const length = 1 + chance.below(size);
    reader.push(input.subarray(at, at + length));
    at += length;
  }
  return reader.end();
}

function kindOf(progress: StreamProgress): readonly string[] {
  if (progress.status === 'refused') return [progress.status, progress.reason];
  if (progress.status === 'done')
    return [progress.status, toHex(encodeStreamMessage(progress.message))];
  throw new Error('undecided at the end');
}

function checkSerf(bytes: Uint8Array): void {
  const result = decodeSerf(bytes);
  if (!result.ok) return;
  const message = result.value;
  checkBounds(message);
  checkStable(message, encodeSerf, decodeSerf);
  if (message.kind === 'relay') checkPart(message.message, decodeSerf, encodeSerf);
  if (message.kind === 'queryResponse') checkPart(message.payload, decodeSerf, encodeSerf);
  if (message.kind === 'query')
    for (const filter of message.filters) checkPart(filter, decodeFilter, encodeFilter);
}

function checkPart<T>(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => Result<T>,
  encode: (value: T) => Uint8Array,
): void {
  const result = decode(bytes);
  if (result.ok) checkStable(result.value, encode, decode);
}

/** What we took we can send, and others take it for the same. */
function checkStable<T>(
  value: T,
  encode: (value: T) => Uint8Array,
  decode: (bytes: Uint8Array) => Result<T>,
): void {
  const once = encode(value);
  const again = decode(once);
  if (!again.ok) throw new Error(`we refuse what we write: ${again.reason}, ${again.detail}`);
  if (toHex(encode(again.value)) !== toHex(once)) throw new Error('it changes on the way');
}

/** No empty message, no buffer beyond the bounds, and none that keeps a larger one in memory. */
function checkBounds(value: unknown): void {
  let total = 0;
  const visit = (part: unknown): void => {
    if (part instanceof Uint8Array) {
      total += part.length;
      if (part.buffer.byteLength !== part.length) throw new Error('a view of something larger');
    } else if (part instanceof Map) part.forEach(visit);
    else if (typeof part === 'object' && part !== null) Object.values(part).forEach(visit);
    if (isEmptyUser(part)) throw new Error('an empty message');
  };
  visit(value);
  if (total > EXPANDED_LIMIT) throw new Error(`${total} bytes`);
}

function isEmptyUser(part: unknown): boolean {
  const { kind, payload } = (part ?? {}) as { kind?: unknown; payload?: Uint8Array };
  return kind === 'user' && payload?.length === 0;
}

function resultOf(progress: StreamProgress): Result<NonNullable<DoneMessage>> {
  if (progress.status === 'done') return { ok: true, value: progress.message };
  if (progress.status === 'more') throw new Error('undecided at the end');
  return { ok: false, reason: progress.reason, detail: progress.detail };
}

type DoneMessage = Extract<StreamProgress, { status: 'done' }>['message'];

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
