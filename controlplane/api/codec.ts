/**
 * Between the plain values of model.ts and protobuf messages. Both have the same names, so this needs no
 * table of fields. They differ in two things: a time is a Date here and a Timestamp there, and a 64-bit
 * integer is a number here (below 2^53: counters only).
 */
import { google } from './generated/weft.js';

const { Timestamp } = google.protobuf;

/** What protobufjs encodes, of a value whose shape is the message's. */
export function toWire<Properties extends object>(value: object): Properties {
  return wire(value) as Properties;
}

function wire(value: unknown): unknown {
  if (value instanceof Date) return timestampOf(value);
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, wire(field)]));
}

/** The message as a plain value: what was not sent has its default, or is left out where there is none. */
export function fromWire<T>(message: object): T {
  const plain: Record<string, unknown> = {};
  // `in` also sees the prototype, which holds the defaults of what was not sent.
  for (const name in message) {
    const value = valueOf((message as Record<string, unknown>)[name]);
    if (value !== undefined) plain[name] = value;
  }
  return plain as T;
}

function valueOf(value: unknown): unknown {
  if (value === null) return undefined;
  if (Array.isArray(value)) return value.map(valueOf);
  if (typeof value !== 'object') return value;
  if (value instanceof Timestamp) return dateOf(value);
  return isLong(value) ? value.toNumber() : fromWire(value);
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

function isLong(value: object): value is { toNumber(): number } {
  return 'toNumber' in value;
}
