/**
 * What the lab and a machine's agent say to each other over one stream of bytes: frames of
 * `length u32 · kind u8 · program u32 · payload`, big-endian, the length being that of all after it.
 */

/** The payload of `start` is a StartRequest, of `signal` its name, of `ended` an EndReport, of `refused` a RefusalReport. */
export const KINDS = {
  /** To the agent. */
  start: 1,
  input: 2,
  inputEnd: 3,
  signal: 4,
  /** From the agent; `ready` once, of program 0. */
  ready: 16,
  started: 17,
  stdout: 18,
  stderr: 19,
  ended: 20,
  refused: 21,
} as const;

export type Kind = (typeof KINDS)[keyof typeof KINDS];

export interface Frame {
  readonly kind: number;
  readonly program: number;
  readonly payload: Buffer;
}

export interface StartRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Whether input will come; without it the program reads an end at once. */
  readonly input: boolean;
}

export interface EndReport {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Why a program could not be started: the words of Node's error. */
export interface RefusalReport {
  readonly code: string;
  readonly message: string;
}

const HEAD = 9;
/** Of kind and program. */
const COUNTED_HEAD = 5;
/** More than anybody sends at once: a longer frame is garbage on the line. */
const LONGEST = 2 ** 24;

export function encodeFrame(
  kind: Kind,
  program: number,
  payload: Uint8Array | object = {},
): Buffer {
  const body = payload instanceof Uint8Array ? payload : Buffer.from(JSON.stringify(payload));
  const frame = Buffer.alloc(HEAD + body.length);
  frame.writeUInt32BE(COUNTED_HEAD + body.length, 0);
  frame.writeUInt8(kind, 4);
  frame.writeUInt32BE(program, 5);
  frame.set(body, HEAD);
  return frame;
}

/** The payload of a frame that carries JSON; both ends are ours, so that its shape is known by the kind. */
export function jsonOf({ payload }: Frame): unknown {
  return JSON.parse(payload.toString());
}

export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** The frames that the bytes complete. Throws when they are no frames. */
  push(bytes: Buffer): Frame[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const frames: Frame[] = [];
    let at = 0;
    while (this.#rest.length - at >= HEAD) {
      const length = this.#rest.readUInt32BE(at);
      if (length < COUNTED_HEAD || length > LONGEST) throw new Error('not a frame');
      const end = at + 4 + length;
      if (this.#rest.length < end) break;
      frames.push({
        kind: this.#rest.readUInt8(at + 4),
        program: this.#rest.readUInt32BE(at + 5),
        payload: this.#rest.subarray(at + HEAD, end),
      });
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    return frames;
  }
}
