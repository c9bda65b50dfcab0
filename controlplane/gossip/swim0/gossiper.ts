/** Rounds of gossip (§15). Only while there is something to tell; a round goes at once if the last is long ago. */
import type { Timer } from '../timers.ts';
import type { Context } from './context.ts';
import type { Member } from '../swim/member.ts';
import { isLiving } from './members.ts';
import type { Outbox } from './outbox.ts';

export class Gossiper {
  readonly #context: Context;
  readonly #outbox: Outbox;
  #timer: Timer | undefined;
  #last = -Infinity;

  constructor(context: Context, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** Something new is to be told. */
  soon(): void {
    const { timers, settings } = this.#context;
    this.#timer ??= timers.after(this.#last + settings.gossipInterval - timers.now, () =>
      this.#round(),
    );
  }

  /** Something is to be told that cannot wait: a round out of turn. */
  atOnce(): void {
    this.#timer?.cancel();
    this.#timer = this.#context.timers.after(0, () => this.#round());
  }

  #round(): void {
    const { members, settings, timers } = this.#context;
    this.#timer = undefined;
    this.#last = timers.now;
    const targets = members.sample(settings.gossipNodes, (member) => this.#isWorthTelling(member));
    const told = targets.every((target) => this.#outbox.gossip(target));
    // Alone we keep what there is to tell until somebody comes.
    if (told && targets.length > 0) this.soon();
  }

  #isWorthTelling(member: Member): boolean {
    const { self, settings, timers } = this.#context;
    if (member === self) return false;
    if (isLiving(member)) return true;
    return member.state === 'dead' && timers.now - member.since < settings.gossipToTheDead;
  }
}
