/** Events and summaries on their way through gossip: the messages of cluster.proto. Pure. */
import type { ClusterEvent, HostSummary } from '../api/cluster-model.ts';
import { fromWire, toWire } from '../api/codec.ts';
import { weft } from '../api/generated/weft.js';

/** Serf's agents take user events of 512 bytes with all that is around them. */
const EVENT_LIMIT = 400;
/** And answers of 1024. */
const SUMMARY_LIMIT = 900;
/** Of a sentence in a summary, in UTF-16 units. */
const SENTENCE_LIMIT = 200;

const { ClusterEvent: EventMessage, HostSummary: SummaryMessage } = weft.v1;

/** What is too long is cut, and ends in `…`. */
export function eventPayload(event: ClusterEvent): Uint8Array {
  return fitting(event.text, EVENT_LIMIT, (text) =>
    EventMessage.encode(toWire({ ...event, text })).finish(),
  );
}

export function summaryPayload(summary: HostSummary): Uint8Array {
  const { problem, subnets, ...rest } = summary;
  const short = { ...rest, subnets: subnets.slice(0, 2) };
  if (problem === undefined) return SummaryMessage.encode(toWire(short)).finish();
  return fitting(clip(problem, SENTENCE_LIMIT), SUMMARY_LIMIT, (text) =>
    SummaryMessage.encode(toWire({ ...short, problem: text })).finish(),
  );
}

function fitting(text: string, limit: number, encode: (text: string) => Uint8Array): Uint8Array {
  for (let length = text.length; ; length = length >> 1) {
    const bytes = encode(clip(text, length));
    if (bytes.length <= limit || length === 0) return bytes;
  }
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, Math.max(0, length - 1))}…`;
}

/** Undefined for what is none. */
export function eventIn(payload: Uint8Array): ClusterEvent | undefined {
  const event = decoded(payload, EventMessage) as ClusterEvent | undefined;
  return event !== undefined && event.id !== '' && isDate(event.at) ? event : undefined;
}

/** Undefined for what is none. */
export function summaryIn(payload: Uint8Array): HostSummary | undefined {
  const summary = decoded(payload, SummaryMessage) as HostSummary | undefined;
  return summary !== undefined && isDate(summary.runningSince) ? summary : undefined;
}

interface Message {
  decode(bytes: Uint8Array): object;
}

function decoded(payload: Uint8Array, message: Message): object | undefined {
  try {
    return fromWire(message.decode(payload));
  } catch {
    return undefined;
  }
}

/** A moment far off is none. */
function isDate(value: unknown): boolean {
  return value instanceof Date && !Number.isNaN(value.getTime());
}
