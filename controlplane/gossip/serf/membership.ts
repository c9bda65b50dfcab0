/** Intents to join and to leave: ours, and those we hear (specification §20.4). */
import { encodeSerf, type SerfMessage } from '../codec/index.ts';
import type { Broadcasts } from './broadcasts.ts';
import { isLamportTime, LamportClock } from './lamport.ts';
import type { SerfMembers } from './members.ts';

type Leave = Extract<SerfMessage, { kind: 'leave' }>;
type Join = Extract<SerfMessage, { kind: 'join' }>;

export interface MembershipOptions {
  readonly name: string;
  readonly members: SerfMembers;
  readonly broadcasts: Broadcasts;
}

export class Membership {
  readonly clock = new LamportClock();
  readonly #options: MembershipOptions;
  #leaving = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /** We are here: after a join, and against whoever says that we leave. */
  announce(): void {
    const { name, members, broadcasts } = this.#options;
    const lTime = this.clock.time;
    this.clock.witness(lTime);
    members.joinIntent(name, lTime);
    broadcasts.spread('intent', encodeSerf({ kind: 'join', lTime, node: name }));
  }

  /** We are about to go. `done` when it was sent often enough. */
  announceLeave(done: () => void): void {
    this.#leaving = true;
    this.#spreadLeave(this.#options.name, false, done);
  }

  /** Somebody who failed counts as left; `prune`: and is forgotten. */
  forceLeave(name: string, prune: boolean): void {
    this.#spreadLeave(name, prune);
  }

  heardJoin(message: Join, raw: Uint8Array): void {
    if (this.join(message)) this.#options.broadcasts.spread('intent', raw);
  }

  heardLeave(message: Leave, raw: Uint8Array): void {
    if (this.leave(message)) this.#options.broadcasts.spread('intent', raw);
  }

  /** Whether it is news. */
  join({ node, lTime }: Join): boolean {
    if (!isLamportTime(lTime)) return false;
    this.clock.witness(lTime);
    return this.#options.members.joinIntent(node, lTime);
  }

  /** Whether it is news. About us it is wrong as long as we do not leave: then we say so, and it goes no further. */
  leave({ node, lTime, prune }: Leave): boolean {
    if (!isLamportTime(lTime)) return false;
    this.clock.witness(lTime);
    const { name, members } = this.#options;
    if (node !== name || this.#leaving) return members.leaveIntent(node, lTime, prune);
    // At the same time as what we said, too: who hears the leave first believes that.
    if (lTime >= (members.get(name)?.statusLTime ?? 0n)) this.announce();
    return false;
  }

  #spreadLeave(node: string, prune: boolean, done?: () => void): void {
    const { members, broadcasts } = this.#options;
    const lTime = this.clock.stamp();
    members.leaveIntent(node, lTime, prune);
    broadcasts.spread('intent', encodeSerf({ kind: 'leave', lTime, node, prune }), done);
  }
}
