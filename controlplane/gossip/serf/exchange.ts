/** Serf's part of a push/pull (specification §20.6): out and in. */
import { encodeSerf, type SerfMessage } from '../codec/index.ts';
import type { Answering } from './answering.ts';
import type { UserEvents } from './events.ts';
import type { LamportClock } from './lamport.ts';
import type { SerfMembers } from './members.ts';
import type { Membership } from './membership.ts';

type PushPull = Extract<SerfMessage, { kind: 'pushPull' }>;

export interface ExchangeParts {
  readonly members: SerfMembers;
  readonly membership: Membership;
  readonly events: UserEvents;
  readonly answering: Answering;
}

/** Go writes its empty slots too, 512 bytes of nil that its readers skip: here only the others. */
export function localState({ members, membership, events, answering }: ExchangeParts): Uint8Array {
  const all = [...members];
  return encodeSerf({
    kind: 'pushPull',
    lTime: membership.clock.time,
    statusLTimes: new Map(all.map(({ name, statusLTime }) => [name, statusLTime])),
    leftMembers: all.filter(({ status }) => status === 'left').map(({ name }) => name),
    eventLTime: events.clock.time,
    events: events.slots(),
    queryLTime: answering.clock.time,
  });
}

/** `ignoreEvents`: whatever happened before counts as heard. */
export function mergeState(state: PushPull, parts: ExchangeParts, ignoreEvents: boolean): void {
  const { membership, events, answering } = parts;
  witnessBefore(membership.clock, state.lTime);
  witnessBefore(events.clock, state.eventLTime);
  witnessBefore(answering.clock, state.queryLTime);
  const left = new Set(state.leftMembers);
  // Those who left first: joining raises our clock.
  for (const node of left) {
    const lTime = (state.statusLTimes.get(node) ?? 0n) + 1n;
    membership.leave({ kind: 'leave', lTime, node, prune: false });
  }
  for (const [node, lTime] of state.statusLTimes)
    if (!left.has(node)) membership.join({ kind: 'join', lTime, node });
  if (ignoreEvents) events.ignoreBelow(state.eventLTime);
  events.replay(state.events);
}

/** The other's clock is ahead of what it has seen by one. */
function witnessBefore(clock: LamportClock, time: bigint): void {
  if (time > 0n) clock.witness(time - 1n);
}
