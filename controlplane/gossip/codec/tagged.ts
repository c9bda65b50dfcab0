/** Messages that begin with a byte saying which they are: memberlist's and Serf's alike. */
import { ENTRIES_LIMIT } from './limits.ts';
import { Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import type { Type, ValueOf } from './schema.ts';
import { Writer } from './writer.ts';

/** The body of every kind, by name, with its number. */
type Kinds = Readonly<Record<string, readonly [number, Type<unknown>]>>;

export type TaggedOf<K extends Kinds> = {
  readonly [N in keyof K]: { readonly kind: N } & ValueOf<K[N][1]>;
}[keyof K];

export interface Tagged<M> {
  /** Throws a RangeError for what `read` would refuse. */
  readonly encode: (message: M) => Uint8Array;
  /** Throws a Refused. What follows the message is ignored, as Go does. */
  readonly read: (bytes: Uint8Array) => M;
}

/** `entries`: arrays' and maps' entries a message may have in all. */
export function tagged<K extends Kinds>(kinds: K, entries = ENTRIES_LIMIT): Tagged<TaggedOf<K>> {
  const byNumber = new Map(
    Object.entries(kinds).map(([kind, [number, body]]) => [number, { kind, body }]),
  );
  return {
    encode(message) {
      const [number, body] = kinds[message.kind as string] as K[string];
      const writer = new Writer();
      writer.u8(number);
      body.write(writer, message);
      return writer.bytes();
    },
    read(bytes) {
      if (bytes.length === 0) throw new Refused('empty', 'a message without a byte');
      const reader = new Reader(bytes, 0, entries);
      const number = reader.u8();
      const found = byNumber.get(number);
      if (found === undefined) throw new Refused('unknown-type', `message of type ${number}`);
      // `kind` first: it is a field that no body has.
      return { kind: found.kind, ...(found.body.read(reader) as object) } as TaggedOf<K>;
    },
  };
}

/** The bytes up to the end, as they are. Nothing where a message must be is refused. */
export function remainder<N extends string>(
  name: N,
  limit: number,
): Type<Readonly<Record<N, Uint8Array>>> {
  return {
    zero: { [name]: new Uint8Array(0) } as Record<N, Uint8Array>,
    write(writer, value) {
      if (value[name].length === 0) throw new RangeError('nothing to carry');
      if (value[name].length > limit) throw new RangeError(`${name} of more than ${limit} bytes`);
      writer.raw(value[name]);
    },
    read(reader) {
      const rest = reader.rest();
      if (rest.length === 0) throw new Refused('empty', `${name} without a byte`);
      if (rest.length > limit) throw new Refused('too-large', `${name} of ${rest.length} bytes`);
      return { [name]: rest } as Record<N, Uint8Array>;
    },
  };
}
