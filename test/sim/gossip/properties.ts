/** What must hold at every moment, however the hosts and the network behave. */
import type { Change } from '../../../controlplane/gossip/records/index.ts';
import type { SerfEvent } from '../../../controlplane/gossip/serf/index.ts';
import { KIND, type Cluster, type Member, type Observer } from './cluster.ts';
import type { Excuses } from './excuses.ts';
import { Violation } from './violation.ts';

/** No living, connected member is declared dead. */
export class Accuracy implements Observer {
  readonly #cluster: Cluster;
  readonly #excuses: Excuses;
  readonly #byName: ReadonlyMap<string, Member>;

  constructor(cluster: Cluster, excuses: Excuses) {
    this.#cluster = cluster;
    this.#excuses = excuses;
    this.#byName = new Map(cluster.members.map((member) => [member.name, member]));
  }

  changed(at: Member, { change, member: view }: Extract<SerfEvent, { kind: 'member' }>): void {
    if (change !== 'failed' && change !== 'leave') return;
    const subject = this.#byName.get(view.name);
    if (subject === undefined || !subject.isUp || this.#excuses.has(at, subject, change)) return;
    const { seed, now } = this.#cluster;
    const verdict = change === 'failed' ? 'failed' : 'gone';
    throw new Violation(seed, now, `${at.name} takes ${view.name} for ${verdict}, which lives`);
  }
}

/**
 * What is seen of a record only gets newer: payloads carry rising numbers. And a record that somebody knows to be
 * taken back does not appear to it again; one that only went with its owner may.
 */
export class Monotony implements Observer {
  readonly #cluster: Cluster;
  /** The lowest number that may come, of each member that sees and of each record. */
  readonly #least = new Map<Member, Map<string, number>>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  started(member: Member): void {
    this.#least.set(member, new Map());
  }

  recorded(at: Member, { before, after }: Change): void {
    const least = this.#least.get(at);
    const record = after ?? before;
    if (record === undefined || least === undefined) return;
    const id = `${record.owner}/${record.key}`;
    const number = Number(Buffer.from(record.payload).toString());
    const { seed, now } = this.#cluster;
    const from = least.get(id) ?? 0;
    if (after !== undefined && number < from)
      throw new Violation(seed, now, `${at.name} goes back to ${id} = ${number} from ${from}`);
    const isOwnerHere = at.program?.member(record.owner)?.status === 'alive';
    if (after !== undefined) least.set(id, number);
    else if (isOwnerHere) least.set(id, number + 1);
  }
}

/** Somebody knows something that is not so. */
export interface Difference {
  readonly at: Member;
  readonly text: string;
}

/** The first thing wrong with what these know of the members that are up; undefined: nothing. */
export function difference({ up }: Cluster, some: readonly Member[] = up): Difference | undefined {
  const names = new Set(up.map(({ name }) => name));
  const digest = some[0]?.program?.records.digest();
  for (const at of some) {
    const text = wrongMember(at, up) ?? ghost(at, names) ?? wrongRecord(at, up, names);
    if (text !== undefined) return { at, text };
    if (at.program?.records.digest() !== digest)
      return { at, text: `${at.name} and ${some[0]?.name} have different digests of the records` };
  }
  return undefined;
}

/** How `at` sees `member`, if not alive as it is now. */
export function misjudged(at: Member, member: Member): string | undefined {
  const view = at.program?.member(member.name);
  if (view?.status !== 'alive')
    return `${at.name} has ${member.name} as ${view?.status ?? 'unknown'}, which is alive`;
  const tag = view.tags.get('run');
  if (tag !== member.tag)
    return `${at.name} has ${member.name} with run = ${tag}, which is ${member.tag}`;
  return undefined;
}

function wrongMember(at: Member, up: readonly Member[]): string | undefined {
  for (const member of up) {
    const problem = misjudged(at, member);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function ghost(at: Member, names: ReadonlySet<string>): string | undefined {
  for (const { name, status } of at.program?.members() ?? [])
    if ((status === 'alive' || status === 'leaving') && !names.has(name))
      return `${at.name} has ${name} as ${status}, which is gone`;
  return undefined;
}

function wrongRecord(
  at: Member,
  up: readonly Member[],
  names: ReadonlySet<string>,
): string | undefined {
  const records = at.program?.records;
  if (records === undefined) return undefined;
  let count = 0;
  for (const { name, records: said } of up) {
    for (const [key, payload] of said) {
      count++;
      const known = records.get(name, KIND, key);
      const text = known && Buffer.from(known.payload).toString();
      if (text !== payload) return `${at.name} has ${name}/${key} = ${text}, which is ${payload}`;
    }
  }
  const extra = [...records.list(KIND)].filter(({ owner }) => names.has(owner)).length - count;
  return extra > 0 ? `${at.name} has ${extra} records that nobody says any more` : undefined;
}
