/** One direction of a TCP connection: one message, compressed, encrypted, behind a label, from the inside out. */
import { COMPRESSED, Expansion, wrapCompressed } from './compressed.ts';
import { decrypt, encrypt, encryptedLength } from './encryption.ts';
import { labelHeader, skipLabel } from './label.ts';
import { EXPANDED_LIMIT, STREAM_PART_LIMIT } from './limits.ts';
import { COMPRESS, ENCRYPT } from './messages.ts';
import type { Opening, Wrapping } from './packet.ts';
import { attempt, Refused, refusalOf, type Refusal } from './refusal.ts';
import { completed, Source, type Steps } from './stepwise.ts';
import {
  encodeStreamMessage,
  readStreamBody,
  valueOf,
  type StreamMessage,
} from './stream-messages.ts';
import { Writer } from './writer.ts';

/** Whose direction it is. Only the dialler writes the label; encrypted data depends on it in both directions. */
interface Direction {
  readonly sender: 'dialler' | 'acceptor';
}

export type StreamOpening = Opening & Direction;
export type StreamWrapping = Omit<Wrapping, 'crc'> & Direction;

export type StreamProgress =
  | { readonly status: 'more' }
  | { readonly status: 'done'; readonly message: StreamMessage }
  | ({ readonly status: 'refused' } & Refusal);

/** All bytes of one direction. Throws a RangeError for a value out of bounds. */
export function encodeStream(message: StreamMessage, wrapping: StreamWrapping): Uint8Array {
  let stream = encodeStreamMessage(message);
  // Also where it is longer: as memberlist does on streams.
  if (wrapping.compress) stream = wrapCompressed(stream);
  if (wrapping.keyring.length > 0) stream = encryptedFrame(stream, wrapping);
  if (wrapping.sender === 'acceptor') return stream;
  return new Uint8Array(Buffer.concat([labelHeader(wrapping.label), stream]));
}

/** A whole stream at once. Any bytes whatever; never throws. */
export function decodeStream(stream: Uint8Array, opening: StreamOpening): StreamProgress {
  const reader = new StreamReader(opening);
  reader.push(stream);
  return reader.end();
}

/** Takes a stream as it arrives. What is in memory is at most twice what arrived, and bounded. */
export class StreamReader {
  readonly #steps: Steps<StreamMessage>;
  #source = new Source();
  /** Bytes that must be there before parsing can go on. */
  #need = 0;
  #progress: StreamProgress = { status: 'more' };

  constructor(opening: StreamOpening) {
    this.#steps = readStream(this.#source, opening);
  }

  /** Never throws. Once done or refused it stays so, whatever comes after. */
  push(chunk: Uint8Array): StreamProgress {
    if (this.#progress.status !== 'more') return this.#progress;
    const step = attempt(() => this.#advance(chunk));
    return this.#settle(step.ok ? step.value : { status: 'refused', ...refusalOf(step) });
  }

  /** No more bytes will come. */
  end(): StreamProgress {
    if (this.#progress.status !== 'more') return this.#progress;
    const { length } = this.#source;
    if (length === 0)
      return this.#settle({
        status: 'refused',
        reason: 'empty',
        detail: 'a stream without a byte',
      });
    const detail = `the stream ended after ${length} bytes, before it was complete`;
    return this.#settle({ status: 'refused', reason: 'truncated', detail });
  }

  #advance(chunk: Uint8Array): StreamProgress {
    const fits = this.#source.append(chunk);
    if (this.#source.length >= this.#need) {
      const step = this.#steps.next();
      if (step.done === true) return { status: 'done', message: step.value };
      this.#need = step.value;
    }
    if (fits) return this.#progress;
    throw new Refused('too-large', `a stream of more than ${EXPANDED_LIMIT} bytes`);
  }

  #settle(progress: StreamProgress): StreamProgress {
    this.#progress = progress;
    if (progress.status !== 'more') {
      this.#steps.return(undefined as never);
      this.#source = new Source();
    }
    return progress;
  }
}

/** The parser of one direction. */
function* readStream(source: Source, opening: StreamOpening): Steps<StreamMessage> {
  const unlabelled = opening.sender === 'acceptor' || opening.skipLabelCheck === true;
  const { label } = opening;
  yield* source.step((reader) => skipLabel(reader, { label, skipLabelCheck: unlabelled }));
  const first = yield* source.step((reader) => reader.u8());
  if (first === ENCRYPT) {
    const plain = new Source(yield* readEncrypted(source, opening));
    return completed(readPlain(plain, completed(plain.step((reader) => reader.u8()))));
  }
  if (opening.keyring.length > 0 && opening.acceptPlain !== true)
    throw new Refused('not-encrypted', 'not encrypted, and we have keys');
  return yield* readPlain(source, first);
}

function* readEncrypted(source: Source, { keyring, label }: StreamOpening): Steps<Uint8Array> {
  if (keyring.length === 0) throw new Refused('encrypted', 'encrypted, and we have no key');
  const length = yield* source.step((reader) => reader.u32());
  if (length > STREAM_PART_LIMIT)
    throw new Refused('too-large', `an encrypted frame of ${length} bytes`);
  const sealed = yield* source.step((reader) => reader.raw(length));
  return decrypt(sealed, keyring, aadOf(length, label));
}

function* readPlain(source: Source, first: number): Steps<StreamMessage> {
  if (first !== COMPRESS) return yield* readStreamBody(source, first);
  const inner = new Source(
    new Expansion(EXPANDED_LIMIT).expand(yield* valueOf(source, COMPRESSED)),
  );
  return completed(readStreamBody(inner, completed(inner.step((reader) => reader.u8()))));
}

function encryptedFrame(plain: Uint8Array, wrapping: StreamWrapping): Uint8Array {
  const { keyring, label, nonce, encryption: version = 1 } = wrapping;
  const length = encryptedLength(plain.length, version);
  if (length > STREAM_PART_LIMIT) throw new RangeError(`an encrypted frame of ${length} bytes`);
  const sealed = encrypt(plain, keyring, { nonce, aad: aadOf(length, label), version });
  return new Uint8Array(Buffer.concat([frameHead(length), sealed]));
}

/** What is authenticated with an encrypted frame: its head, and the label even where none is sent. */
function aadOf(length: number, label: Uint8Array): Uint8Array {
  return Buffer.concat([frameHead(length), label]);
}

function frameHead(length: number): Uint8Array {
  const writer = new Writer();
  writer.u8(ENCRYPT);
  writer.u32(length);
  return writer.bytes();
}
