/** The label in front of a packet, or of a stream where the dialler begins it: 244, length, label. */
import { LABEL_LIMIT } from './limits.ts';
import { LABEL } from './messages.ts';
import type { Reader } from './reader.ts';
import { Refused } from './refusal.ts';

export interface LabelCheck {
  /** Ours; empty for none. */
  readonly label: Uint8Array;
  /** Take what has no label as if it had ours, and refuse labels: something before us checks and strips them. */
  readonly skipLabelCheck?: boolean;
}

/** Throws a RangeError for a label that does not fit. */
export function labelHeader(label: Uint8Array): Uint8Array {
  if (label.length > LABEL_LIMIT)
    throw new RangeError(`a label has ${LABEL_LIMIT} bytes at most, not ${label.length}`);
  return label.length === 0 ? label : Uint8Array.of(LABEL, label.length, ...label);
}

/** Steps over the label, if there must be one. Throws a Refused: a Truncated one when the label is not complete. */
export function skipLabel(reader: Reader, { label, skipLabelCheck }: LabelCheck): void {
  const expected = skipLabelCheck === true ? 0 : label.length;
  if (reader.peek() !== LABEL) {
    if (expected === 0) return;
    throw new Refused('wrong-label', 'no label, where ours must be');
  }
  reader.u8();
  const length = reader.u8();
  if (length === 0) throw new Refused('malformed', 'a label without a byte');
  const told = reader.raw(length);
  if (length !== expected || Buffer.compare(told, label) !== 0)
    throw new Refused('wrong-label', 'the label is not ours');
}
