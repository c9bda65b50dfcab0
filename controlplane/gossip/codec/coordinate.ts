/** Serf's network coordinates (Vivaldi), which travel in the payload of an ack: a version and a struct. */
import { FIELDS_LIMIT } from './limits.ts';
import { Reader } from './reader.ts';
import { attempt, Refused, type Result } from './refusal.ts';
import { f64, field, list, readValue, struct, type ValueOf } from './schema.ts';
import { Writer } from './writer.ts';

const VERSION = 1;
/** Numbers of the vector, the same everywhere. */
export const DIMENSIONS = 8;

const COORDINATE = struct({
  /** Seconds, as all of them but `error`, which is relative. */
  vec: field('Vec', list(f64, { limit: DIMENSIONS })),
  error: field('Error', f64),
  adjustment: field('Adjustment', f64),
  height: field('Height', f64),
});

export type Coordinate = ValueOf<typeof COORDINATE>;

/** Throws a RangeError for a coordinate that others would refuse. */
export function encodeCoordinate(coordinate: Coordinate): Uint8Array {
  if (!isSound(coordinate)) throw new RangeError('not a coordinate');
  const writer = new Writer();
  writer.u8(VERSION);
  COORDINATE.write(writer, coordinate);
  return writer.bytes();
}

export function decodeCoordinate(payload: Uint8Array): Result<Coordinate> {
  return attempt(() => {
    const reader = new Reader(payload, 0, FIELDS_LIMIT);
    const version = reader.u8();
    if (version !== VERSION) throw new Refused('unknown-type', `coordinate of version ${version}`);
    const coordinate = readValue(COORDINATE, reader);
    if (!isSound(coordinate)) throw new Refused('malformed', 'not a coordinate');
    return coordinate;
  });
}

function isSound({ vec, error, adjustment, height }: Coordinate): boolean {
  return vec.length === DIMENSIONS && [...vec, error, adjustment, height].every(Number.isFinite);
}
