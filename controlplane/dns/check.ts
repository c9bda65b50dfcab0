/**
 * Asks every host for every name, and finds who disagrees with whom the name is from. Hosts tell digests of all that
 * their DNS answers; only where these differ are names asked for, and again a moment later, as names change while they
 * are asked for. Time and the way to the hosts are arguments.
 */
import type { NameSaid, NamesAnswer, NamesQuestion } from './check-model.ts';
import { answeredHash, DEPTH, FANOUT, type Part } from './digests.ts';

/** What differs is looked at until there are so many names, or so many parts were looked into. */
const NAME_LIMIT = 64;
const PART_LIMIT = 128;
/** A part with no more names than that is listed. */
const LIST_LENGTH = 4;
/** Characters of the names of one question. */
const NAMES_ROOM = 600;
/** Names of one question: an answer has room for so many. */
const NAMES_AT_ONCE = 3;
/** In ms: what differs is asked for again after this long. */
const CONFIRM = 1_500;
/** Hosts that do not answer are asked again once; those that are not through yet so often. */
const ROUNDS = 30;

export interface Finding {
  /** `silent`: it was not heard; `more`: not all that differs was looked at. */
  readonly kind: 'disagrees' | 'silent' | 'more';
  readonly host?: string;
  /** With the domain. */
  readonly name?: string;
  /** Of a silent host, why. */
  readonly status: string;
  readonly says: readonly string[];
  readonly owners: readonly string[];
  readonly ownerSays: readonly string[];
}

export interface Progress {
  readonly hosts: number;
  readonly answered: number;
  readonly names: number;
}

export interface CheckParts {
  /** No two checks have the same. */
  readonly check: string;
  readonly domain: string;
  /** All that should answer. */
  readonly hosts: readonly string[];
  /** Resolves with who said what when all of `hosts` have answered, or it takes too long. */
  readonly ask: (
    question: NamesQuestion,
    hosts: readonly string[],
  ) => Promise<ReadonlyMap<string, NamesAnswer>>;
  readonly pause: (ms: number) => Promise<void>;
  readonly tell: (progress: Progress) => void;
}

/** What is wrong, by name and host. */
export async function checkNames(parts: CheckParts): Promise<readonly Finding[]> {
  return await new Check(parts).run();
}

class Check {
  readonly #parts: CheckParts;
  readonly #silent = new Map<string, string>();
  readonly #names = new Set<string>();
  #partsLeft = PART_LIMIT;
  #isCut = false;

  constructor(parts: CheckParts) {
    this.#parts = parts;
  }

  async run(): Promise<readonly Finding[]> {
    const roots = await this.#ask({ part: [] });
    for (const { amiss } of roots.values()) for (const name of amiss) this.#add(name);
    await this.#descend([], roots);
    const names = [...this.#names];
    const first = this.#judged(await this.#askNames(names));
    if (first.length === 0) return this.#findings([]);
    await this.#parts.pause(CONFIRM);
    const disputed = new Set(first.map(({ name = '' }) => name));
    const again = names.filter((name) => disputed.has(this.#full(name)));
    return this.#findings(this.#judged(await this.#askNames(again)));
  }

  #findings(disagreements: readonly Finding[]): readonly Finding[] {
    const empty = { says: [], owners: [], ownerSays: [] };
    const silent = [...this.#silent].map(([host, status]): Finding => ({
      kind: 'silent',
      host,
      status,
      ...empty,
    }));
    const more: Finding[] = this.#isCut ? [{ kind: 'more', status: '', ...empty }] : [];
    return [...disagreements, ...silent.sort(byHost), ...more];
  }

  /** Of hosts that can tell. The others are noted. */
  async #ask(question: Partial<NamesQuestion>): Promise<ReadonlyMap<string, NamesAnswer>> {
    const { check, domain, hosts, ask, tell } = this.#parts;
    const answers = new Map<string, NamesAnswer>();
    const whole = { check, domain, part: [], list: false, names: [], ...question };
    let missing = hosts.filter((host) => !this.#silent.has(host));
    for (let round = 0; missing.length > 0 && round < ROUNDS; round++) {
      const told = await ask(whole, missing);
      for (const [host, answer] of told) if (missing.includes(host)) answers.set(host, answer);
      missing = missing.filter((host) => (answers.get(host)?.pending ?? 1) > 0);
      const names = Math.max(0, ...[...answers.values()].map(({ count }) => count));
      const answered = hosts.length - this.#silent.size - missing.length;
      tell({ hosts: hosts.length, answered, names });
      if (round > 0 && missing.every((host) => !answers.has(host))) break;
    }
    for (const host of missing) {
      const isSlow = answers.delete(host);
      this.#silent.set(host, isSlow ? 'is not through its names yet' : 'did not answer');
    }
    for (const [host, { refusal }] of answers) {
      if (refusal === undefined) continue;
      answers.delete(host);
      this.#silent.set(host, refusal);
    }
    return answers;
  }

  async #descend(part: Part, answers: ReadonlyMap<string, NamesAnswer>): Promise<void> {
    const all = [...answers.values()];
    const each = Math.max(0, ...all.map(({ count }) => count)) / FANOUT ** (part.length + 1);
    for (let digit = 0; digit < FANOUT; digit++) {
      if (new Set(all.map(({ digests }) => digests[digit] ?? 0)).size < 2) continue;
      if (this.#partsLeft === 0 || this.#names.size >= NAME_LIMIT) {
        this.#isCut = true;
        return;
      }
      this.#partsLeft--;
      await this.#look([...part, digit], each);
    }
  }

  async #look(part: Part, size: number): Promise<void> {
    const list = size <= LIST_LENGTH || part.length === DEPTH;
    const answers = await this.#ask({ part, list });
    if (list) {
      for (const { names } of answers.values()) for (const name of names) this.#add(name);
    } else await this.#descend(part, answers);
  }

  #add(name: string): void {
    if (this.#names.size < NAME_LIMIT) this.#names.add(name);
    else this.#isCut ||= !this.#names.has(name);
  }

  /** What each host says of each of them. */
  async #askNames(
    names: readonly string[],
  ): Promise<ReadonlyMap<string, ReadonlyMap<string, NameSaid>>> {
    const byName = new Map<string, Map<string, NameSaid>>();
    for (const some of bunches(names)) {
      for (const [host, { said }] of await this.#ask({ names: some }))
        for (const one of said)
          byName.set(one.name, (byName.get(one.name) ?? new Map()).set(host, one));
    }
    return byName;
  }

  #judged(said: ReadonlyMap<string, ReadonlyMap<string, NameSaid>>): Finding[] {
    return [...said]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([name, byHost]) => disagreements(this.#full(name), byHost));
  }

  #full(name: string): string {
    return `${name}.${this.#parts.domain}`;
  }
}

/** Where nobody says the name, whoever has it is wrong. */
function disagreements(name: string, said: ReadonlyMap<string, NameSaid>): Finding[] {
  const owners = [...said].filter(([, { claimed }]) => claimed.length > 0);
  const names = owners.map(([host]) => host).sort();
  const believed = believedOf(owners.map(([, one]) => one));
  return [...said]
    .flatMap(([host, one]): Finding[] => {
      const { status, addresses: says } = one;
      const finding = { kind: 'disagrees', host, name, status, says, owners: names } as const;
      if (isAmiss(one)) return [{ ...finding, ownerSays: one.claimed }];
      if (believed === undefined ? one.count === 0 : one.digest === believed.digest) return [];
      return [{ ...finding, ownerSays: believed?.addresses ?? [] }];
    })
    .sort(byHost);
}

/** What the owner's DNS answers that knows most; of owners that it all contradicts, what they say themselves. */
function believedOf(
  owners: readonly NameSaid[],
): Pick<NameSaid, 'digest' | 'addresses'> | undefined {
  const [first] = owners.filter((one) => !isAmiss(one)).toSorted((a, b) => b.count - a.count);
  if (first !== undefined || owners.length === 0) return first;
  const addresses = [...new Set(owners.flatMap(({ claimed }) => claimed))].sort();
  return { digest: answeredHash({ status: '', addresses }), addresses };
}

/** It says addresses that its own DNS does not answer; of many not all are seen. */
function isAmiss({ claimed, addresses, count }: NameSaid): boolean {
  return count === addresses.length && claimed.some((address) => !addresses.includes(address));
}

function byHost({ host: a = '' }: Finding, { host: b = '' }: Finding): number {
  return a < b ? -1 : 1;
}

function bunches(names: readonly string[]): string[][] {
  const bunches: string[][] = [];
  let room = 0;
  for (const name of names) {
    const last = bunches.at(-1);
    room -= name.length;
    if (last !== undefined && last.length < NAMES_AT_ONCE && room >= 0) last.push(name);
    else {
      bunches.push([name]);
      room = NAMES_ROOM - name.length;
    }
  }
  return bunches;
}
