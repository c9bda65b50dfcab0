/** Exchange of the whole state with one other member, by stream (specification §16). */
import type { NodeRecord, PushPull, StreamMessage } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Timer } from '../timers.ts';
import type { Core } from './core.ts';
import type { MemberState } from './member.ts';
import type { Rumours } from './rumours.ts';
import { incompatibility } from './versions.ts';

/** As they are numbered on the wire. */
const STATES: readonly MemberState[] = ['alive', 'suspect', 'dead', 'left'];
/** Up to so many members the interval is as set. */
const SCALE_FROM = 32;

export class PushPulls {
  readonly #core: Core;
  readonly #rumours: Rumours;
  #timer: Timer | undefined;

  constructor(core: Core, rumours: Rumours) {
    this.#core = core;
    this.#rumours = rumours;
  }

  /** First after a share of the interval that chance gives. */
  start(): void {
    this.#after(this.#core.random() * this.#interval());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** With `to`. `done` with what went wrong, if anything did. */
  exchange(to: Endpoint, join: boolean, done: (problem: string | undefined) => void): void {
    const { outbox, settings, counts } = this.#core;
    counts.pushPulls++;
    const how = { answer: true, timeout: settings.streamTimeout };
    outbox.dial(to, this.#state(join), how, (answer, problem) => {
      const wrong = problem ?? this.#take(answer);
      if (wrong !== undefined) counts.pushPullFailures++;
      done(wrong);
    });
  }

  /** With up to `count` members that we know to be alive. */
  exchangeWithSome(count: number): void {
    const { table, self } = this.#core;
    for (const to of table.sample(count, (other) => other !== self && other.state === 'alive'))
      this.exchange(to, false, () => {});
  }

  /** The answer to somebody else's. It does not have yet what we learn from him. */
  answer(message: PushPull): StreamMessage {
    const state = this.#state(message.join);
    if (this.#merge(message) !== undefined) this.#core.counts.pushPullFailures++;
    return state;
  }

  #after(delay: number): void {
    this.#timer = this.#core.timers.after(delay, () => {
      this.#after(this.#interval());
      this.exchangeWithSome(1);
    });
  }

  #interval(): number {
    const { settings, table } = this.#core;
    const { size } = table;
    const scale = size <= SCALE_FROM ? 1 : Math.ceil(Math.log2(size) - Math.log2(SCALE_FROM)) + 1;
    return settings.pushPullInterval * scale;
  }

  #state(join: boolean): StreamMessage {
    const { table, delegate } = this.#core;
    const nodes = Array.from(
      table,
      ({ name, addr, port, meta, incarnation, state, vsn }): NodeRecord => {
        return { name, addr, port, meta, incarnation, vsn, state: STATES.indexOf(state) };
      },
    );
    return { kind: 'pushPull', join, nodes, userState: delegate.localState(join) };
  }

  #take(answer: StreamMessage | undefined): string | undefined {
    if (answer?.kind === 'pushPull') return this.#merge(answer);
    if (answer?.kind === 'err') return `it refused: ${answer.error}`;
    return 'it answered with something else than its state';
  }

  #merge({ nodes, userState, join }: PushPull): string | undefined {
    const { table, delegate, counts } = this.#core;
    const problem = incompatibility(table, nodes);
    if (problem !== undefined) counts.mergesRefused++;
    if (problem !== undefined) return problem;
    for (const node of nodes) this.#mergeNode(node);
    if (userState.length > 0) delegate.mergeState(userState, join);
    return undefined;
  }

  /** That somebody takes a member for dead makes us suspect it, no more. */
  #mergeNode({ name: node, addr, port, meta, incarnation, state, vsn }: NodeRecord): void {
    const from = this.#core.self.name;
    switch (STATES[state]) {
      case 'alive':
        return this.#rumours.alive({ node, addr, port, meta, incarnation, vsn });
      case 'left':
        return this.#rumours.dead({ node, incarnation, from: node });
      case 'suspect':
      case 'dead':
        return this.#rumours.suspect({ node, incarnation, from });
      case undefined:
        this.#core.counts.ignored++;
    }
  }
}
