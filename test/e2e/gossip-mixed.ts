/** Real Serf agents and members of ours in one cluster, and what all of them see. */
import { join } from 'node:path';
import { expect } from 'vitest';
import { buildMember } from '../bench/gossip/program.ts';
import { eventually } from '../lab/eventually.ts';
import { GossipMember, type MemberOptions } from '../lab/gossip.ts';
import type { MemberStatus, Peer } from '../lab/gossip-peer.ts';
import type { Lab } from '../lab/lab.ts';
import { SerfAgent, type SerfOptions } from '../lab/serf.ts';

/** For what gossip tells, in ms: some seconds at most, and more on a busy machine. */
export const SOON = 20_000;
/** For a member to be called failed: 24 s when nobody confirms the suspicion. */
export const FAILURE = 60_000;

export type Statuses = Readonly<Record<string, MemberStatus>>;

export function alive(...names: readonly string[]): Statuses {
  return Object.fromEntries(names.map((name) => [name, 'alive']));
}

/** Resolves when each of them sees just these members, with these statuses. */
export async function untilSeen(
  by: readonly Peer[],
  wanted: Statuses,
  within = SOON,
): Promise<void> {
  const check = async (peer: Peer) => {
    const seen = [...(await peer.members())].map(([name, { status }]) => [name, status]);
    expect(Object.fromEntries(seen), peer.name).toEqual(wanted);
    return true;
  };
  const what = `all see ${JSON.stringify(wanted)}`;
  const waits = by.map((peer) => eventually(() => check(peer), { within, what, every: 100 }));
  await Promise.all(waits);
}

/** Starts peers on hosts of one lab, and prints what they wrote when it is asked to. */
export class Mixed {
  /** All that were ever started. */
  readonly started: Peer[] = [];
  readonly #lab: Lab;
  readonly #program: ReturnType<typeof buildMember>;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#program = buildMember(join(lab.directory, 'member.mjs'));
  }

  /** Resolves when it listens. */
  async serf(host: number, options: SerfOptions): Promise<SerfAgent> {
    const agent = new SerfAgent(this.#lab.host(host), options);
    this.started.push(agent);
    return agent.ready();
  }

  /** Resolves when it listens. */
  async ours(host: number, options: MemberOptions): Promise<GossipMember> {
    const member = new GossipMember(this.#lab.host(host), await this.#program, options);
    this.started.push(member);
    return member.ready();
  }

  /** The ends of all logs. */
  print(): void {
    for (const { name, child } of this.started) console.log(`--- ${name}\n${child.tail(60)}`);
  }
}
