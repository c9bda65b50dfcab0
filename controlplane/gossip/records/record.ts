/** A record: what one member says about one key of one kind. */
import { addHash } from './fingerprint.ts';
import type { Fingerprint } from './fingerprint.ts';

export interface GossipRecord {
  /** Name of the member it belongs to; nobody else may write it. */
  readonly owner: string;
  /** What the payload is. */
  readonly kind: string;
  readonly key: string;
  /** Lamport time of the owner. */
  readonly time: number;
  readonly payload: Uint8Array;
}

/** A record at one time: that it is there, or that it is gone. */
export interface Version extends GossipRecord {
  /** Gone since so many seconds; undefined: it is there. */
  readonly age: number | undefined;
}

/** Bytes of a record on the wire: it fits a packet beside any label and encryption. */
export const RECORD_LIMIT = 1_024;
/** Characters of a kind; see KIND. */
export const KIND = /^[a-z][a-z0-9-]{0,31}$/;
/** A time is below this, so that there is always room for a higher one. An owner starts with its wall clock in ms. */
export const TIME_LIMIT = 2 ** 52;

const SEPARATOR = '\0';

/** What tells records of one owner apart, and the order in which they are compared with others'. */
export function idOf({ kind, key }: Pick<GossipRecord, 'kind' | 'key'>): string {
  return kind + SEPARATOR + key;
}

export function kindAndKey(id: string): { kind: string; key: string } {
  const at = id.indexOf(SEPARATOR);
  return { kind: id.slice(0, at), key: id.slice(at + 1) };
}

/** Of two versions of one record. Those of one time differ only after an owner forgot its time; any order will do. */
export function isNewer(a: Version, b: Version): boolean {
  if (a.time !== b.time) return a.time > b.time;
  if (a.age !== undefined || b.age !== undefined) return b.age === undefined;
  return Buffer.compare(a.payload, b.payload) > 0;
}

export function isSamePayload(a: GossipRecord, b: GossipRecord): boolean {
  return Buffer.compare(a.payload, b.payload) === 0;
}

/** Adds a record to what a fingerprint stands for, or with `sign` −1 takes it away. */
export function count(sum: Fingerprint, record: GossipRecord, sign: 1 | -1): void {
  const { owner, kind, key, time, payload } = record;
  addHash(sum, [owner, kind, key], time, payload, sign);
}
