/** gRPC's frames: a byte that says whether the message is compressed, its length in four, the message. Pure. */
import { WeftError } from './errors.ts';

const HEAD = 5;

export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(HEAD + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, HEAD);
  return frame;
}

/** Puts messages together from whatever pieces they come in. */
export class Unframing {
  readonly #limit: number;
  #pieces: Buffer[] = [];
  #length = 0;

  /** `limit`: of a message, in bytes. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The messages that are whole now. Throws WEFT_INTERNAL for one that is longer than the limit, or compressed. */
  push(piece: Buffer): Buffer[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const messages: Buffer[] = [];
    while (this.#length >= HEAD) {
      const head = this.#peek(HEAD);
      const length = head.readUInt32BE(1);
      if (head[0] !== 0) throw refused('is compressed, which nobody asked for');
      if (length > this.#limit) throw refused(`has ${length} bytes, more than ${this.#limit}`);
      if (this.#length < HEAD + length) break;
      messages.push(this.#take(HEAD + length).subarray(HEAD));
    }
    return messages;
  }

  /** Joins no more pieces than it must: a long message comes in thousands. */
  #peek(length: number): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && first.length >= length) return first;
    const joined = Buffer.concat(this.#pieces);
    this.#pieces = [joined];
    return joined;
  }

  #take(length: number): Buffer {
    const whole = this.#peek(length);
    const rest = whole.subarray(length);
    this.#pieces.splice(0, 1, ...(rest.length === 0 ? [] : [rest]));
    this.#length -= length;
    return whole.subarray(0, length);
  }
}

function refused(why: string): WeftError {
  return new WeftError('WEFT_INTERNAL', `a message of weftd ${why}`, {
    fix: 'please report it, with the log from journalctl -u weftd',
  });
}
