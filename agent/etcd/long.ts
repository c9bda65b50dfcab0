/** 64-bit integers at the door: revisions become numbers, lease ids stay opaque text. */
import protobuf from 'protobufjs/minimal.js';
import type { etcdserverpb } from './generated/rpc.js';

type Long = etcdserverpb.KeyValue['lease'];
const { Long } = protobuf.util as unknown as {
  Long: { fromNumber(value: number): Long; fromString(text: string): Long };
};

/** A revision: counts writes, so it stays below 2^53 for 285 years at a million writes a second. */
export function numberFrom(long: Long | undefined): number {
  const value = long?.toNumber() ?? 0;
  if (!Number.isSafeInteger(value)) throw new RangeError(`beyond 2^53: ${String(long)}`);
  return value;
}

export function longFrom(value: number): Long {
  return Long.fromNumber(value);
}

/** Lease ids use all 64 bits. */
export function idFrom(long: Long | undefined): string {
  return long?.toString() ?? '0';
}

export function longFromId(id: string): Long {
  return Long.fromString(id);
}
