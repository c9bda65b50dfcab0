/** What happened, from what is known before and after. Pure. */
import type { ClusterEvent, SeenKind, ToldKind } from '../api/cluster-model.ts';
import type { LeaseChange, MemberChange, MemberStatus, Problem } from '../api/model.ts';

export type News<Kind = SeenKind | ToldKind> = Omit<ClusterEvent, 'id' | 'at' | 'kind'> & {
  readonly kind: Kind;
};

/** Of members. */
export class MemberNews {
  readonly #known = new Map<string, MemberStatus>();

  /** Undefined when it is no news. */
  after(change: MemberChange): News<SeenKind> | undefined {
    if (change.type === 'removed') {
      this.#known.delete(change.name);
      return undefined;
    }
    const { name, status, address } = change.member;
    const before = this.#known.get(name);
    this.#known.set(name, status);
    if (before === status) return undefined;
    const news = (kind: SeenKind, text: string) => ({ kind, host: name, subject: address, text });
    switch (status) {
      case 'alive': {
        // One that says it leaves, and then does not, was there all the time.
        const isBack = before === 'failed' || before === 'left';
        if (before === 'leaving') return undefined;
        return news('member-joined', isBack ? `${name} is back` : `${name} is there`);
      }
      case 'failed':
        return news('member-failed', `${name} does not answer`);
      case 'left':
        return news('member-left', `${name} has left`);
      case 'leaving':
        return undefined;
    }
  }
}

/** Of leases. */
export class LeaseNews {
  /** The host of each, by key. */
  readonly #known = new Map<string, string | undefined>();

  /** Undefined when it is no news. */
  after(change: LeaseChange): News<SeenKind> | undefined {
    if (change.type === 'removed') return this.#lost(change.key, 'is gone');
    const { key, node, subnets, mine, inForce } = change.lease;
    // One that is refused is a problem of the host.
    if (!mine && !inForce) return this.#lost(key, 'is no longer in force');
    const isNew = !this.#known.has(key);
    this.#known.set(key, node);
    if (!isNew) return undefined;
    return this.#news('lease-added', key, node, `${subnets.join(', ') || key} is leased`);
  }

  #lost(key: string, how: string): News<SeenKind> | undefined {
    if (!this.#known.has(key)) return undefined;
    const host = this.#known.get(key);
    this.#known.delete(key);
    return this.#news('lease-lost', key, host, `the lease ${key} ${how}`);
  }

  #news(kind: SeenKind, subject: string, host: string | undefined, text: string): News<SeenKind> {
    return { kind, subject, text, ...(host === undefined ? {} : { host }) };
  }
}

/** What a host says of itself. */
export interface HostFacts {
  readonly ready: boolean;
  readonly backend?: string;
  readonly problems: readonly Problem[];
}

/** `host`: whose facts they are. */
export function hostNews(host: string, before: HostFacts, after: HostFacts): News<ToldKind>[] {
  const news: News<ToldKind>[] = [];
  if (after.ready && !before.ready)
    news.push({ kind: 'host-ready', host, text: 'the mesh is complete' });
  if (after.backend !== undefined && after.backend !== before.backend) {
    const from = before.backend === undefined ? '' : `, and was ${before.backend}`;
    const text = `the backend is ${after.backend}${from}`;
    news.push({ kind: 'backend-changed', host, subject: after.backend, text });
  }
  const [were, are] = [byKey(before.problems), byKey(after.problems)];
  for (const [key, problem] of are)
    if (!were.has(key))
      news.push({ kind: 'problem-begun', host, subject: problem.code, text: sentenceOf(problem) });
  for (const [key, problem] of were) {
    const text = `no longer: ${sentenceOf(problem)}`;
    if (!are.has(key)) news.push({ kind: 'problem-ended', host, subject: problem.code, text });
  }
  return news;
}

/** With what it is about, unless it says so itself. */
export function sentenceOf({ message, subject }: Problem): string {
  return subject === undefined || message.includes(subject) ? message : `${subject}: ${message}`;
}

function byKey(problems: readonly Problem[]): ReadonlyMap<string, Problem> {
  return new Map(problems.map((problem) => [`${problem.code}\n${problem.subject ?? ''}`, problem]));
}
