/**
 * Rounds of gossip (specification §15), only while there is something to tell. What is new goes at once if the last
 * round is a gossip interval ago, so that nobody waits for a tick.
 */
import type { Timer } from '../timers.ts';
import type { Core } from './core.ts';
import type { MemberRecord } from './members.ts';

/** What is urgent waits for this share of the interval: nobody can make us send without end. */
const URGENT = 1 / 4;

export class Gossiper {
  readonly #core: Core;
  #last = -Infinity;
  #timer: Timer | undefined;
  /** When the timer ends. */
  #at = Infinity;

  constructor(core: Core) {
    this.#core = core;
  }

  /** Something new is queued. */
  soon(): void {
    this.#roundAt(this.#last + this.#core.settings.gossipInterval);
  }

  /** Something that cannot wait for the next round. */
  urgently(): void {
    this.#roundAt(this.#last + this.#core.settings.gossipInterval * URGENT);
  }

  #roundAt(time: number): void {
    const { timers } = this.#core;
    const at = Math.max(time, timers.now);
    if (at >= this.#at) return;
    this.#timer?.cancel();
    this.#at = at;
    this.#timer = timers.after(at - timers.now, () => this.#round());
  }

  #round(): void {
    const { table, outbox, settings, timers, counts } = this.#core;
    this.#at = Infinity;
    let sent = 0;
    for (const member of table.sample(settings.gossipNodes, (member) => this.#listens(member))) {
      const packets = outbox.gossip(member);
      if (packets === 0) break;
      sent += packets;
    }
    // A round without a word does not make the next one wait.
    if (sent === 0) return;
    counts.gossipPackets += sent;
    this.#last = timers.now;
    this.soon();
  }

  /** The dead too, for a while: perhaps they are not. */
  #listens(member: MemberRecord): boolean {
    const { self, settings, timers } = this.#core;
    if (member === self || member.state === 'left') return false;
    return member.state !== 'dead' || timers.now - member.since < settings.gossipToTheDead;
  }
}
