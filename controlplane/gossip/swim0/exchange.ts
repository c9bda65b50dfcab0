/** Whole states exchanged by stream (§16): when joining, and from time to time with one member by chance. */
import type { NodeRecord, PushPull, StreamMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Context } from './context.ts';
import type { Dials } from './dials.ts';
import type { Member, MemberState } from '../swim/member.ts';
import { endpointOf } from './outbox.ts';
import type { Rumours } from './rumours.ts';
import { clashOf } from './versions.ts';

/** By their numbers on the wire. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
/** Up to this many members the interval is not stretched. */
const UNSCALED = 32;

export class Exchange {
  readonly #context: Context;
  readonly #dials: Dials;
  readonly #rumours: Rumours;

  constructor(context: Context, dials: Dials, rumours: Rumours) {
    this.#context = context;
    this.#dials = dials;
    this.#rumours = rumours;
  }

  /** Until `stopped` says so. */
  start(stopped: () => boolean): void {
    const { random, timers } = this.#context;
    const exchange = (): void => {
      if (stopped()) return;
      const [partner] = this.#partners(1);
      if (partner !== undefined) this.with(partner, false, () => {});
      timers.after(this.#interval(), exchange);
    };
    timers.after(random() * this.#interval(), exchange);
  }

  /** `done` is told what went wrong, if anything did. */
  with(to: Endpoint, join: boolean, done: (problem: string | undefined) => void): void {
    const { settings, counts } = this.#context;
    counts.pushPulls++;
    const question: StreamMessage = { kind: 'pushPull', ...this.#state(join) };
    this.#dials.ask(endpointOf(to), question, settings.streamTimeout, ({ message, problem }) => {
      const trouble = problem ?? this.#take(message, join);
      if (trouble !== undefined) counts.pushPullFailures++;
      done(trouble);
    });
  }

  /** With a few at once. */
  withSome(count: number): void {
    for (const partner of this.#partners(count)) this.with(partner, false, () => {});
  }

  /** The answer is made before anything is merged: others expect to see what was, and wait for it (T6). */
  answer(question: PushPull): StreamMessage {
    const answer: StreamMessage = { kind: 'pushPull', ...this.#state(question.join) };
    this.#merge(question, question.join);
    return answer;
  }

  #take(message: StreamMessage | undefined, join: boolean): string | undefined {
    if (message?.kind === 'pushPull') return this.#merge(message, join);
    if (message?.kind === 'err') return `it answered: ${message.error}`;
    return 'it gave no answer that belongs to the question';
  }

  #partners(count: number): Member[] {
    const { members, self } = this.#context;
    return members.sample(count, (member) => member !== self && member.state === 'alive');
  }

  /** In ms: the larger the cluster, the rarer, as each exchange costs more. */
  #interval(): number {
    const { members, settings } = this.#context;
    const doublings = Math.log2(members.size) - Math.log2(UNSCALED);
    return settings.pushPullInterval * (doublings > 0 ? Math.ceil(doublings) + 1 : 1);
  }

  #state(join: boolean): PushPull {
    const nodes = Array.from(this.#context.members, recordOf);
    return { join, nodes, userState: this.#context.delegate.localState(join) };
  }

  #merge({ nodes, userState }: PushPull, join: boolean): string | undefined {
    const { members, counts, delegate } = this.#context;
    const clash = clashOf(members, nodes);
    if (clash !== undefined) {
      counts.refusedMerges++;
      return clash;
    }
    for (const node of nodes) this.#mergeNode(node);
    if (userState.length > 0) delegate.mergeState(userState, join);
    return undefined;
  }

  /** A death that another one tells of is no more than a suspicion of ours (T11). */
  #mergeNode({ name: node, addr, port, meta, vsn, incarnation, state }: NodeRecord): void {
    switch (STATES[state]) {
      case 'alive':
        this.#rumours.alive({ incarnation, node, addr, port, meta, vsn });
        break;
      case 'left':
        this.#rumours.dead({ incarnation, node, from: node });
        break;
      case 'suspect':
      case 'dead':
        this.#rumours.suspect({ incarnation, node, from: this.#context.self.name });
        break;
      case undefined:
        this.#context.counts.refusedMembers++;
    }
  }
}

function recordOf({ name, addr, port, meta, incarnation, state, vsn }: Member): NodeRecord {
  return { name, addr, port, meta, incarnation, state: STATES.indexOf(state), vsn };
}
