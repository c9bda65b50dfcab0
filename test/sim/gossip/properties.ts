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

/**
 * What is wrong with what the members that are up know of each other; undefined: nothing. `ghosts`: some may be taken
 * for alive that are gone: where a death is forgotten already, an old word of somebody's life counts, until a probe. `at`: only what these know.
 */
export function difference(
  cluster: Cluster,
  { ghosts = false, at: some = cluster.up }: { ghosts?: boolean; at?: readonly Member[] } = {},
): string | undefined {
  const { up } = cluster;
  const names = new Set(up.map(({ name }) => name));
  for (const at of some) {
    const problem =
      wrongMember(at, up) ?? (ghosts ? undefined : ghost(at, names)) ?? wrongRecord(at, up, names);
    if (problem !== undefined) return problem;
  }
  const digests = new Set(up.map(({ program }) => program?.records.digest()));
  return digests.size > 1 && !ghosts
    ? `there are ${digests.size} digests of the records`
    : undefined;
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
    if (status === 'alive' && !names.has(name))
      return `${at.name} has ${name} as alive, which is not`;
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
