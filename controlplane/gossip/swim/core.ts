/** What the parts of one node share. */
import type { Message } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Random } from '../random.ts';
import type { Timers } from '../timers.ts';
import type { Awareness } from './awareness.ts';
import type { Counts } from './counts.ts';
import type { Delegate } from './delegate.ts';
import type { MemberRecord, MemberTable } from './members.ts';
import type { Outbox } from './outbox.ts';
import type { Settings } from './settings.ts';

export interface Core {
  readonly settings: Settings;
  readonly random: Random;
  readonly timers: Timers;
  /** The clock on the wall, in ms. */
  readonly wallClock: () => number;
  readonly delegate: Delegate;
  readonly table: MemberTable;
  /** Our own record. */
  readonly self: MemberRecord;
  readonly awareness: Awareness;
  readonly outbox: Outbox;
  readonly counts: Counts;
  /** We are on our way out, or gone. */
  leaving: boolean;
  /** Tells everybody what is new about the member `name`; replaces what was queued about it. */
  readonly broadcast: (name: string, message: Message, done?: () => void) => void;
  /** A number for a ping that no other ping under way has. */
  readonly nextSeqNo: () => number;
}

/** Where to answer to, of a message that may say so itself. */
export interface Sourced {
  readonly sourceAddr: Uint8Array;
  readonly sourcePort: number;
  readonly sourceNode: string;
}

/** The source that the message names (behind NAT, and of several addresses, it is the right one), else `from`. */
export function sourceOf({ sourceAddr, sourcePort }: Sourced, from: Endpoint): Endpoint {
  if (sourcePort === 0 || (sourceAddr.length !== 4 && sourceAddr.length !== 16)) return from;
  return { addr: sourceAddr, port: sourcePort };
}

/** What our own pings say of us. */
export function sourceFields({ addr, port, name }: MemberRecord): Sourced {
  return { sourceAddr: addr, sourcePort: port, sourceNode: name };
}
