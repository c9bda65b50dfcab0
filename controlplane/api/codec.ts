/**
 * Between the plain values of model.ts and protobuf messages. Both have the same names, so this needs no
 * table of fields. They differ in two things: a time is a Date here and a Timestamp there, and a 64-bit
 * integer is a number here (below 2^53: counters only).
 */
import { google } from './generated/weft.js';

const { Timestamp } = google.protobuf;

/** Longer text is cut here, so that a page of 500 entries stays small whatever somebody put into etcd. In UTF-16 units. */
const TEXT_LIMIT = 1000;

/** What protobufjs encodes, of a value whose shape is the message's. */
export function toWire(value: object): object {
  return wire(value) as object;
}

function wire(value: unknown): unknown {
  if (value instanceof Date) return timestampOf(value);
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value === 'string') return clipped(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, wire(field)]));
}

/** The message as a plain value: what was not sent has its default, or is left out where there is none. */
export function fromWire(message: object): object {
  const plain: Record<string, unknown> = {};
  // `in` also sees the prototype, which holds the defaults of what was not sent.
  for (const name in message) {
    const value = valueOf((message as Record<string, unknown>)[name]);
    if (value !== undefined) plain[name] = value;
  }
  return plain;
}

function valueOf(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(valueOf);
  if (typeof value !== 'object') return value;
  if (value instanceof Timestamp) return dateOf(value);
  return isLong(value) ? value.toNumber() : fromWire(value);
}

function clipped(text: string): string {
  return text.length <= TEXT_LIMIT ? text : `${text.slice(0, TEXT_LIMIT - 1)}…`;
}

/** The writer takes numbers for 64-bit fields; only the generated types do not say so. */
function timestampOf(date: Date): { seconds: number; nanos: number } {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1_000_000 };
}

function dateOf({ seconds, nanos }: google.protobuf.Timestamp): Date {
  return new Date(seconds.toNumber() * 1000 + Math.floor(nanos / 1_000_000));
}

/** A map of text may have any key. */
function isLong(value: object): value is { toNumber(): number } {
  return 'toNumber' in value && typeof value.toNumber === 'function';
}

/** A message of gossip, as fromWire gives it; undefined for what is none. */
export function decoded(
  payload: Uint8Array,
  message: { decode(bytes: Uint8Array): object },
): object | undefined {
  try {
    return fromWire(message.decode(payload));
  } catch {
    return undefined;
  }
}
