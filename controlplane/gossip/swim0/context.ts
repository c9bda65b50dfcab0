/** What the parts of the core share. */
import type { Emit, Endpoint } from '../effects.ts';
import type { BroadcastQueue } from '../queue.ts';
import type { Random } from '../random.ts';
import type { Timers } from '../timers.ts';
import type { Awareness } from './awareness.ts';
import type { Delegate } from '../swim/delegate.ts';
import type { Entry, Members } from './members.ts';
import type { Settings } from '../swim/settings.ts';

/** What happened since the start, for metrics. */
export interface Counts {
  probes: number;
  /** Those without any answer. */
  probeFailures: number;
  /** Those that only a stream got through to. */
  streamAnswers: number;
  indirectPings: number;
  suspicions: number;
  refutations: number;
  /** Members that we declared dead ourselves. */
  deaths: number;
  gossipPackets: number;
  pushPulls: number;
  pushPullFailures: number;
  /** Whole push/pulls that would have brought together versions that do not understand each other. */
  refusedMerges: number;
  /** Messages about members that no peer should send: a bad address, a bad version, one member too many. */
  refusedMembers: number;
  conflicts: number;
}

export function noCounts(): Counts {
  return {
    probes: 0,
    probeFailures: 0,
    streamAnswers: 0,
    indirectPings: 0,
    suspicions: 0,
    refutations: 0,
    deaths: 0,
    gossipPackets: 0,
    pushPulls: 0,
    pushPullFailures: 0,
    refusedMerges: 0,
    refusedMembers: 0,
    conflicts: 0,
  };
}

export interface SwimOptions {
  readonly name: string;
  readonly advertise: Endpoint;
  /** Our versions, six bytes (§11). */
  readonly vsn: Uint8Array;
  readonly settings: Settings;
  /** Bytes around a packet's parts; see packetOverhead. */
  readonly overhead: () => number;
  readonly random: Random;
  readonly timers: Timers;
  readonly emit: Emit;
  readonly delegate: Delegate;
}

export interface Context extends SwimOptions {
  readonly members: Members;
  readonly queue: BroadcastQueue;
  readonly awareness: Awareness;
  readonly counts: Counts;
  /** Our own record. */
  readonly self: Entry;
}

/** §15: sends of one message, so that it reaches all of `members` for certain. */
export function transmitLimit(retransmitMult: number, members: number): number {
  return retransmitMult * Math.ceil(Math.log10(members + 1));
}
