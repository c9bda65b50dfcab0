/** For tests: packets and streams of real programs, and what is in them, as others decoded it. */
import { readFileSync } from 'node:fs';

export interface Vector {
  readonly name: string;
  readonly transport: 'udp' | 'tcp' | 'none';
  /** Of the key, in hex. */
  readonly key?: string;
  /** The label where it is authenticated but not sent. */
  readonly aadLabel?: string;
  /** Exact bytes; null where they are too long, then there are hashes. */
  readonly hex: string | null;
  readonly layers: readonly string[];
  readonly decoded: Decoded;
  readonly reencodesIdentically?: boolean;
}

interface Decoded {
  readonly plaintextHex: string;
  readonly label?: string;
  readonly nonce?: string;
  readonly message?: Expected;
  readonly count?: number;
  readonly mask?: number;
  readonly inputSha256?: string;
  readonly outputSha256?: string;
}

/** A message of whatever kind, with what is inside of it; see the file. Bytes are `{hex}`, floats `{f64}`. */
export interface Expected {
  readonly name: string;
  readonly body?: object;
  readonly uncompressedHex?: string;
  readonly inner?: Expected;
  readonly parts?: readonly Expected[];
  readonly header?: object;
  readonly nodes?: readonly object[];
  readonly user?: ExpectedSerf;
  readonly userHex?: string;
  readonly userState?: ExpectedSerf | { readonly hex: string };
}

export interface ExpectedSerf {
  readonly serfName: string;
  readonly body: object;
  readonly relayed?: ExpectedSerf;
  readonly payloadDecoded?: ExpectedSerf;
}

export const VECTORS = readJson('vectors.json') as readonly Vector[];

interface Oddity {
  readonly name: string;
  readonly transport: 'udp' | 'tcp';
  readonly hex: string;
  /** Kinds of the messages it holds and reasons of refusals, in order. */
  readonly outcome: string;
}

/** Packets and streams for mutations that no program sends, but that are allowed, or nearly. */
export const ODDITIES = readJson('oddities.json') as readonly Oddity[];

export function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(`${import.meta.dirname}/testdata/${name}`, 'utf8'));
}
