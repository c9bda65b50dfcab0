/** What a host tells who checks names: what its own DNS answers, asked once for each check. Time is an argument. */
import { NO_ANSWER, type NameSaid, type NamesAnswer, type NamesQuestion } from './check-model.ts';
import { answeredHash, digestsOf, namesIn, type Answered } from './digests.ts';
import { isNameText } from './name.ts';

/** Checks whose answers are kept, and for how long, in ms: a check asks again and again. */
const CHECKS = 4;
const KEPT = 60_000;
/** Names that its DNS is asked for at a time. */
const AT_ONCE = 32;
/** In ms: who asks is not kept waiting longer. */
const PATIENCE = 1_000;
/** Characters of the names of one answer, and how many addresses of a name are told. */
const NAMES_ROOM = 600;
const ADDRESSES = 4;
const AMISS = 2;

export interface WitnessParts {
  /** All names that this host knows of, as NAME.NETWORK, and the addresses that it says itself for each. */
  readonly names: () => ReadonlyMap<string, readonly string[]>;
  /** Asks this host's DNS; undefined: it did not answer. Never rejects. */
  readonly ask: (fullName: string) => Promise<Answered | undefined>;
  /** Why it cannot be asked; undefined: it can. */
  readonly hindrance: () => string | undefined;
  /** Keeps no process alive. */
  readonly pause: (ms: number) => Promise<void>;
}

interface Run {
  readonly claims: ReadonlyMap<string, readonly string[]>;
  readonly answers: Map<string, Answered>;
  readonly done: Promise<unknown>;
  /** `mute`: its DNS did not answer. */
  state: 'asking' | 'done' | 'mute';
}

export class Witness {
  readonly #parts: WitnessParts;
  /** By check, the oldest first. */
  readonly #runs = new Map<string, Run>();

  constructor(parts: WitnessParts) {
    this.#parts = parts;
  }

  async answer(question: NamesQuestion): Promise<NamesAnswer> {
    const refusal = this.#parts.hindrance();
    if (refusal !== undefined) return { ...NO_ANSWER, refusal };
    if (question.names.length > 0) return await this.#anew(question);
    const run = this.#runs.get(question.check) ?? this.#begin(question);
    if (run === undefined) return { ...NO_ANSWER, refusal: `has ${CHECKS} other checks to do` };
    await Promise.race([run.done, this.#parts.pause(PATIENCE)]);
    const { claims, answers, state } = run;
    if (state === 'mute') return { ...NO_ANSWER, refusal: 'has a DNS that does not answer itself' };
    const count = claims.size;
    if (state === 'asking')
      return { ...NO_ANSWER, count, pending: Math.max(1, count - answers.size) };
    const { part, list } = question;
    return list
      ? { ...NO_ANSWER, count, names: fitting(namesIn(answers, part)) }
      : { ...NO_ANSWER, count, digests: digestsOf(answers, part), amiss: amissIn(run) };
  }

  /** Undefined: too many are under way. */
  #begin({ check, domain }: NamesQuestion): Run | undefined {
    if (this.#runs.size >= CHECKS) {
      const [oldest] = [...this.#runs].find(([, { state }]) => state !== 'asking') ?? [];
      if (oldest === undefined) return undefined;
      this.#runs.delete(oldest);
    }
    const answers = new Map<string, Answered>();
    const claims = this.#claims(domain);
    const work = this.#askAll([...claims.keys()], domain, answers).catch(() => false);
    const run: Run = { claims, answers, done: work, state: 'asking' };
    void this.#end(run, work);
    this.#runs.set(check, run);
    void this.#forget(check);
    return run;
  }

  /** What cannot be asked for below that domain is left out, as it is on every other host. */
  #claims(domain: string): Map<string, readonly string[]> {
    const all = [...this.#parts.names()];
    return new Map(all.filter(([name]) => isNameText(`${name}.${domain}`)));
  }

  /** Never rejects, as `work` does not. */
  async #end(run: Run, work: Promise<boolean>): Promise<void> {
    run.state = (await work) ? 'done' : 'mute';
  }

  async #forget(check: string): Promise<void> {
    await this.#parts.pause(KEPT);
    this.#runs.delete(check);
  }

  /** False: it did not answer. */
  async #askAll(
    names: readonly string[],
    domain: string,
    answers: Map<string, Answered>,
  ): Promise<boolean> {
    for (let at = 0; at < names.length; at += AT_ONCE) {
      const some = names.slice(at, at + AT_ONCE);
      const told = await Promise.all(some.map((name) => this.#parts.ask(`${name}.${domain}`)));
      for (const [i, answered] of told.entries()) {
        if (answered === undefined) return false;
        answers.set(some[i] ?? '', answered);
      }
    }
    return true;
  }

  async #anew({ names, domain }: NamesQuestion): Promise<NamesAnswer> {
    const claims = this.#claims(domain);
    const askable = names.filter((name) => isNameText(`${name}.${domain}`));
    const said = await Promise.all(
      fitting(askable).map(async (name): Promise<NameSaid | undefined> => {
        const answered = await this.#parts.ask(`${name}.${domain}`);
        return answered && saidOf(name, answered, claims.get(name) ?? []);
      }),
    );
    return { ...NO_ANSWER, count: claims.size, said: said.filter((one) => one !== undefined) };
  }
}

function saidOf(name: string, answered: Answered, claimed: readonly string[]): NameSaid {
  const { status, addresses } = answered;
  return {
    name,
    status,
    addresses: addresses.slice(0, ADDRESSES),
    count: addresses.length,
    digest: answeredHash(answered),
    claimed: claimed.toSorted().slice(0, ADDRESSES),
  };
}

function amissIn({ claims, answers }: Run): string[] {
  const amiss: string[] = [];
  for (const [name, claimed] of claims) {
    const addresses = answers.get(name)?.addresses ?? [];
    if (claimed.some((address) => !addresses.includes(address))) amiss.push(name);
    if (amiss.length >= AMISS) break;
  }
  return amiss;
}

function fitting(names: readonly string[]): string[] {
  let room = NAMES_ROOM;
  return names.filter((name) => (room -= name.length + 2) >= 0);
}
