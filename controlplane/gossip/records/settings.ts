/** The numbers of the record table. Times are in ms awake. */
import type { TableLimits } from './table.ts';

export interface RecordSettings extends TableLimits {
  /** So long after a member left its records go. */
  readonly leftGrace: number;
  /** So long after a member failed: longer than it takes a living one to refute that. */
  readonly failedGrace: number;
  /** So long records wait for their owner to become known. */
  readonly heldTime: number;
  /** How many may wait. */
  readonly heldLimit: number;
  /** Between two exchanges while there is nothing to heal; longer in large clusters. */
  readonly healInterval: number;
  /** Records in the queue for gossip; beyond it, the quarter sent most often goes, and exchanges bring it. */
  readonly queueLimit: number;
}

export const RECORDS: RecordSettings = {
  leftGrace: 5_000,
  failedGrace: 30_000,
  heldTime: 30_000,
  heldLimit: 4_096,
  healInterval: 30_000,
  queueLimit: 4_096,
  /** 40 times what weft is for: a few thousand hosts, tens of containers each, take some hundred bytes a record. */
  records: 2 ** 18,
  recordsPerOwner: 2 ** 14,
  /** See docs/gossip-records.md: 20 times as long as any copy lives that nobody corrects. */
  tombstoneLife: 3_600_000,
};
