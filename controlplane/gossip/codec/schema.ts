/**
 * Describes MessagePack values as data, once for both ways. A struct is a map with Go's field names as keys, which
 * Go writes in ascending order and reads in any; it also reads a struct from an array in the order of declaration.
 * A missing field or a nil is the type's zero, and unknown fields are skipped: so versions differ without trouble.
 */
import { NAME_LIMIT } from './limits.ts';
import { NIL_BYTES, type Reader } from './reader.ts';
import { Refused } from './refusal.ts';
import type { Writer } from './writer.ts';

export interface Type<T> {
  readonly zero: T;
  /** Throws a RangeError for a value that `read` would refuse. */
  write(writer: Writer, value: T): void;
  /** Called where no nil is next. Throws a Refused. */
  read(reader: Reader): T;
}

export type ValueOf<T> = T extends Type<infer V> ? V : never;

/** As `read` of the type, but a nil gives its zero. */
export function readValue<T>(type: Type<T>, reader: Reader): T {
  return reader.skipNil() ? type.zero : type.read(reader);
}

export const bool: Type<boolean> = {
  zero: false,
  write: (writer, value) => writer.boolean(value),
  read: (reader) => reader.boolean(),
};

export const u8 = integer(0, 0xff);
export const u16 = integer(0, 0xffff);
export const u32 = integer(0, 0xffff_ffff);
/** Go's `int`, as far as a number holds it exactly. */
export const int = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
/** Go's `int`, where it says how many there are of something. */
export function count(limit: number): Type<number> {
  return integer(0, limit);
}
export const u64 = bigInteger(0n, 2n ** 64n - 1n);
export const i64 = bigInteger(-(2n ** 63n), 2n ** 63n - 1n);

export const f64: Type<number> = {
  zero: 0,
  write: (writer, value) => writer.float(value),
  read: (reader) => reader.float(),
};

/** UTF-8 of at most `limit` bytes. */
export function text(limit = NAME_LIMIT): Type<string> {
  return {
    zero: '',
    write(writer, value) {
      within(Buffer.byteLength(value), limit);
      writer.text(value);
    },
    read: (reader) => reader.text(limit),
  };
}

/** The zero is NIL_BYTES, which is written as nil; empty bytes are written as empty bytes. */
export function bytes(limit: number): Type<Uint8Array> {
  return {
    zero: NIL_BYTES,
    write(writer, value) {
      within(value.length, limit);
      writer.byteString(value);
    },
    read: (reader) => reader.bytes(limit),
  };
}

/** `empty` says how Go writes this list when nothing is in it: as nil if it never made one. */
export function list<T>(
  type: Type<T>,
  { limit, empty = 'array' }: { limit: number; empty?: 'array' | 'nil' },
): Type<readonly T[]> {
  return {
    zero: [],
    write(writer, values) {
      within(values.length, limit);
      if (values.length === 0 && empty === 'nil') return writer.nil();
      writer.arrayHead(values.length);
      for (const value of values) type.write(writer, value);
    },
    read(reader) {
      const values: T[] = [];
      for (let left = reader.arrayLength(limit); left > 0; left--)
        values.push(readValue(type, reader));
      return values;
    },
  };
}

/** A map with text keys. Go writes its maps in any order; here it is kept. */
export function mapOf<T>(
  type: Type<T>,
  { limit }: { limit: number },
): Type<ReadonlyMap<string, T>> {
  const key = text();
  return {
    zero: new Map(),
    write(writer, values) {
      within(values.size, limit);
      writer.mapHead(values.size);
      for (const [name, value] of values) {
        key.write(writer, name);
        type.write(writer, value);
      }
    },
    read(reader) {
      const values = new Map<string, T>();
      for (let left = reader.mapLength(limit); left > 0; left--) {
        const name = readValue(key, reader);
        values.set(name, readValue(type, reader));
      }
      return values;
    },
  };
}

/** A pointer in Go: nil is undefined, and not the zero. */
export function pointer<T>(type: Type<T>): Type<T | undefined> {
  return {
    zero: undefined,
    write: (writer, value) => (value === undefined ? writer.nil() : type.write(writer, value)),
    read: (reader) => type.read(reader),
  };
}

interface Field<T> {
  readonly name: string;
  readonly type: Type<T>;
  /** Left out where it is zero. */
  readonly optional: boolean;
}

/** `name` as in Go. */
export function field<T>(name: string, type: Type<T>): Field<T> {
  return { name, type, optional: false };
}

/** A field that Go leaves out when it is zero or empty (`omitempty`). */
export function optional<T>(name: string, type: Type<T>): Field<T> {
  return { name, type, optional: true };
}

type Fields = Readonly<Record<string, Field<unknown>>>;
type StructOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer V> ? V : never;
};

/** `fields` in the order in which Go declares them. */
export function struct<F extends Fields>(fields: F): Type<StructOf<F>> {
  const declared = Object.entries(fields).map(([key, { name, type, optional }]) => ({
    key,
    name,
    type,
    optional,
  }));
  const sorted = declared.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const byName = new Map(declared.map((field) => [field.name, field]));
  const zero = Object.fromEntries(declared.map(({ key, type }) => [key, type.zero]));
  const hasOptional = declared.some(({ optional }) => optional);
  const isWritten = (
    { key, optional }: (typeof declared)[number],
    given: Record<string, unknown>,
  ) => !(optional && isEmpty(given[key]));
  return {
    zero: Object.freeze(zero) as StructOf<F>,
    write(writer, value) {
      const given = value as Record<string, unknown>;
      const written = hasOptional ? sorted.filter((each) => isWritten(each, given)) : sorted;
      writer.mapHead(written.length);
      for (const { key, name, type } of written) {
        writer.text(name);
        type.write(writer, given[key]);
      }
    },
    read(reader) {
      const value = { ...zero };
      // A message's body is read without looking for a nil: it may be bytes of any kind.
      if (reader.skipNil()) return value as StructOf<F>;
      if (reader.nextIsArray()) readPositional(reader, declared, value);
      else readNamed(reader, byName, value);
      return value as StructOf<F>;
    },
  };
}

interface Member {
  readonly key: string;
  readonly type: Type<unknown>;
}

function readNamed(
  reader: Reader,
  members: ReadonlyMap<string, Member>,
  into: Record<string, unknown>,
): void {
  for (let left = reader.mapLength(); left > 0; left--) {
    const member = members.get(readValue(FIELD_NAME, reader));
    if (member === undefined) reader.skip();
    else into[member.key] = readValue(member.type, reader);
  }
}

function readPositional(
  reader: Reader,
  members: readonly Member[],
  into: Record<string, unknown>,
): void {
  const count = reader.arrayLength();
  for (let i = 0; i < count; i++) {
    const member = members[i];
    if (member === undefined) reader.skip();
    else into[member.key] = readValue(member.type, reader);
  }
}

const FIELD_NAME = text();

function isEmpty(value: unknown): boolean {
  return value === 0 || value === '' || (value instanceof Uint8Array && value.length === 0);
}

function integer(least: number, most: number): Type<number> {
  return {
    zero: 0,
    write(writer, value) {
      if (!Number.isInteger(value) || value < least || value > most)
        throw new RangeError(`${value} is no integer from ${least} to ${most}`);
      writer.integer(value);
    },
    read(reader) {
      const value = reader.integer();
      if (value < least || value > most)
        throw new Refused('malformed', `${value} where ${least} to ${most} may be`);
      return value;
    },
  };
}

function bigInteger(least: bigint, most: bigint): Type<bigint> {
  return {
    zero: 0n,
    write(writer, value) {
      if (value < least || value > most)
        throw new RangeError(`${value} is not from ${least} to ${most}`);
      writer.integer(value);
    },
    read(reader) {
      const value = reader.bigInteger();
      if (value < least || value > most)
        throw new Refused('malformed', `${value} where ${least} to ${most} may be`);
      return value;
    },
  };
}

function within(size: number, limit: number): void {
  if (size > limit) throw new RangeError(`${size} where ${limit} may be`);
}
