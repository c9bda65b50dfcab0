import fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkNames, type CheckParts, type Finding, type Progress } from './check.ts';
import type { NamesAnswer, NamesQuestion } from './check-model.ts';
import { digestsOf, FANOUT, hashOf, namesIn, type Answered } from './digests.ts';
import { nameBytes } from './name.ts';
import { Witness } from './witness.ts';

/** A host as it is: what its DNS answers, and what it says itself. */
interface Host {
  readonly answers: Map<string, readonly string[]>;
  readonly claims: Map<string, readonly string[]>;
}

const DOMAIN = 'weft';
const NEVER = (): Promise<void> => new Promise(() => {});
const DIGESTS: NamesQuestion = { check: 'one', domain: DOMAIN, part: [], list: false, names: [] };

function answered(addresses: readonly string[] | undefined): Answered {
  if (addresses === undefined) return { status: 'NXDOMAIN', addresses: [] };
  return { status: 'NOERROR', addresses: addresses.toSorted() };
}

function witnessOf({ answers, claims }: Host, pause = NEVER): Witness {
  return new Witness({
    names: () => new Map([...[...answers.keys()].map((name) => [name, []] as const), ...claims]),
    ask: (full) => Promise.resolve(answered(answers.get(full.slice(0, -DOMAIN.length - 1)))),
    hindrance: () => undefined,
    pause,
  });
}

type Answer = (question: NamesQuestion) => Promise<NamesAnswer> | undefined;

async function check(
  hosts: ReadonlyMap<string, Answer>,
  parts: Partial<CheckParts> = {},
): Promise<readonly Finding[]> {
  return await checkNames({
    check: 'one',
    domain: DOMAIN,
    hosts: [...hosts.keys()],
    ask: async (question, of) => {
      const answers = new Map<string, NamesAnswer>();
      for (const host of of) {
        const answer = await hosts.get(host)?.(question);
        if (answer !== undefined) answers.set(host, answer);
      }
      return answers;
    },
    pause: async () => {},
    tell: () => {},
    ...parts,
  });
}

function answering(hosts: ReadonlyMap<string, Host>): Map<string, Answer> {
  return new Map(
    [...hosts].map(([name, host]) => {
      const witness = witnessOf(host);
      return [name, (question) => witness.answer(question)];
    }),
  );
}

/** `count` hosts, of which each says some of `names`, and all know all. */
function agreeing(count: number, names: readonly string[]): Map<string, Host> {
  const answers = new Map(names.map((name, i) => [name, [`10.5.${i >> 8}.${i & 255}`]]));
  return new Map(
    Array.from({ length: count }, (_, at) => {
      const own = [...answers].filter((_entry, i) => i % count === at);
      return [`h${at + 1}`, { answers: new Map(answers), claims: new Map(own) }];
    }),
  );
}

const namesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `w${i}.default`);

test('hosts that agree: nothing is found, and they are asked once for digests alone', async () => {
  let asked = 0;
  const hosts = answering(agreeing(3, namesOf(1_000)));
  const told: Progress[] = [];
  for (const [name, answer] of hosts)
    hosts.set(name, (question) => {
      asked++;
      return answer(question);
    });
  expect(await check(hosts, { tell: (progress) => told.push(progress) })).toEqual([]);
  expect(asked).toBe(3);
  expect(told.at(-1)).toEqual({ hosts: 3, answered: 3, names: 1_000 });
});

test('whoever lacks, keeps or has another address of a name is told, among many names', async () => {
  const hosts = agreeing(3, namesOf(5_000));
  const [h1, h2, h3] = [...hosts.values()] as [Host, Host, Host];
  h3.answers.delete('w0.default');
  h2.answers.set('old.default', ['10.5.9.9']);
  h1.answers.set('w1.default', ['192.0.2.1']);
  const found = await check(answering(hosts));
  const common = { kind: 'disagrees', status: 'NOERROR' };
  expect(found).toEqual([
    {
      ...common,
      name: 'old.default.weft',
      host: 'h2',
      says: ['10.5.9.9'],
      owners: [],
      ownerSays: [],
    },
    {
      ...common,
      name: 'w0.default.weft',
      host: 'h3',
      status: 'NXDOMAIN',
      says: [],
      owners: ['h1'],
      ownerSays: ['10.5.0.0'],
    },
    {
      ...common,
      name: 'w1.default.weft',
      host: 'h1',
      says: ['192.0.2.1'],
      owners: ['h2'],
      ownerSays: ['10.5.0.1'],
    },
  ]);
});

test('exactly those who disagree are found, whatever differs', async () => {
  const change = fc.record({
    host: fc.nat({ max: 3 }),
    name: fc.nat({ max: 299 }),
    to: fc.constantFrom(undefined, ['192.0.2.1'], ['192.0.2.1', '192.0.2.2']),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(change, { maxLength: 12, selector: ({ name }) => name }),
      async (changes) => {
        const hosts = agreeing(4, namesOf(300));
        for (const { host, name, to } of changes) {
          const { answers } = hosts.get(`h${host + 1}`) as Host;
          if (to === undefined) answers.delete(`w${name}.default`);
          else answers.set(`w${name}.default`, to);
        }
        const wrong = new Set(
          changes.flatMap(({ host, name }) =>
            // Of an owner that its own DNS contradicts: it is wrong, and so are all others beside it.
            host === name % 4
              ? [1, 2, 3, 4].map((number) => `h${number} w${name}.default.weft`)
              : [`h${host + 1} w${name}.default.weft`],
          ),
        );
        const found = (await check(answering(hosts))).map(({ host, name }) => `${host} ${name}`);
        for (const one of found) expect(wrong).toContain(one);
        for (const { host, name } of changes)
          expect(found).toContain(`h${host + 1} w${name}.default.weft`);
      },
    ),
    { numRuns: 60 },
  );
});

test('an address that its owner says and no DNS answers is found, although all agree', async () => {
  const hosts = agreeing(2, namesOf(10));
  (hosts.get('h1') as Host).claims.set('w0.default', ['10.5.7.7']);
  const wrong = { name: 'w0.default.weft', says: ['10.5.0.0'], ownerSays: ['10.5.7.7'] };
  expect(await check(answering(hosts))).toMatchObject([
    { ...wrong, host: 'h1' },
    { ...wrong, host: 'h2' },
  ]);
});

test('what agrees a moment later is not told', async () => {
  const hosts = agreeing(2, namesOf(10));
  const { answers } = hosts.get('h2') as Host;
  answers.delete('w0.default');
  const heal = (): Promise<void> => {
    answers.set('w0.default', ['10.5.0.0']);
    return Promise.resolve();
  };
  expect(await check(answering(hosts), { pause: heal })).toEqual([]);
});

test('who does not answer, and who refuses, is told with the reason; the others are compared', async () => {
  const hosts = answering(agreeing(2, namesOf(10)));
  hosts.set('h3', () => undefined);
  const refusing = new Witness({
    names: () => new Map(),
    ask: () => Promise.resolve(undefined),
    hindrance: () => 'has its DNS switched off',
    pause: NEVER,
  });
  hosts.set('h4', (question) => refusing.answer(question));
  const mute = new Witness({
    names: () => new Map([['a.default', []]]),
    ask: () => Promise.resolve(undefined),
    hindrance: () => undefined,
    pause: NEVER,
  });
  hosts.set('h5', (question) => mute.answer(question));
  expect(await check(hosts)).toMatchObject([
    { kind: 'silent', host: 'h3', status: 'did not answer' },
    { kind: 'silent', host: 'h4', status: 'has its DNS switched off' },
    { kind: 'silent', host: 'h5', status: 'has a DNS that does not answer itself' },
  ]);
});

test('a host that is slow is waited for, and one that is not through in the end is told', async () => {
  const hosts = answering(agreeing(1, namesOf(3)));
  const pending: NamesAnswer = {
    pending: 5,
    count: 5,
    digests: [],
    names: [],
    amiss: [],
    said: [],
  };
  let asked = 0;
  hosts.set('h2', (question) =>
    asked++ < 3 ? Promise.resolve(pending) : hosts.get('h1')?.(question),
  );
  expect(await check(hosts)).toEqual([]);
  hosts.set('h2', () => Promise.resolve(pending));
  expect(await check(hosts)).toMatchObject([{ kind: 'silent', host: 'h2' }]);
});

test('of names that all differ a bounded number is looked at, and it is told', async () => {
  const hosts = agreeing(2, namesOf(20_000));
  (hosts.get('h2') as Host).answers.clear();
  let asked = 0;
  const answers = answering(hosts);
  for (const [name, answer] of answers)
    answers.set(name, (question) => {
      asked++;
      return answer(question);
    });
  const found = await check(answers);
  expect(found.filter(({ kind, host }) => kind === 'disagrees' && host === 'h2')).toHaveLength(64);
  expect(found.at(-1)).toMatchObject({ kind: 'more' });
  expect(asked).toBeLessThan(2 * (1 + 128 + 2 * 22) + 1);
});

test('a host keeps few checks, and asks its DNS once for each', async () => {
  let asked = 0;
  const ended: (() => void)[] = [];
  const witness = new Witness({
    names: () => new Map([['a.default', []]]),
    ask: () => {
      asked++;
      return new Promise((resolve) => ended.push(() => resolve(answered(['10.5.0.1']))));
    },
    hindrance: () => undefined,
    pause: async (ms) => {
      if (ms > 10_000) await NEVER();
    },
  });
  const question = { domain: DOMAIN, part: [], list: false, names: [] };
  for (const name of ['1', '2', '3', '4', '4', '4'])
    expect(await witness.answer({ ...question, check: name })).toMatchObject({ pending: 1 });
  expect(asked).toBe(4);
  expect((await witness.answer({ ...question, check: '5' })).refusal).toMatch(/4 other checks/);
  for (const end of ended) end();
  await new Promise((resolve) => setImmediate(resolve));
  expect(await witness.answer({ ...question, check: '4' })).toMatchObject({ pending: 0, count: 1 });
  expect(await witness.answer({ ...question, check: '5' })).toMatchObject({ pending: 1 });
});

test('digests tell any two different sets of answers apart, and their order does not count', () => {
  const entry = fc.tuple(fc.nat({ max: 30 }), fc.constantFrom('10.5.0.1', '10.5.0.2'));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), fc.array(entry, { maxLength: 20 }), (a, b) => {
      const [one, other] = [a, b].map(
        (list) => new Map(list.map(([n, address]) => [`w${n}`, answered([address])])),
      ) as [Map<string, Answered>, Map<string, Answered>];
      const sorted = (map: Map<string, Answered>): string =>
        JSON.stringify([...map].toSorted(([x], [y]) => (x < y ? -1 : 1)));
      const isSame = sorted(one) === sorted(other);
      expect(digestsOf(one, []).join() === digestsOf(other, []).join()).toBe(isSame);
    }),
  );
});

test('every name is in exactly one part of a part', () => {
  const answers = new Map(namesOf(2_000).map((name) => [name, answered(['10.5.0.1'])]));
  const digits = Array.from({ length: FANOUT }, (_, i) => i);
  expect(digits.flatMap((digit) => namesIn(answers, [digit])).sort()).toEqual(namesIn(answers, []));
  expect(digits.flatMap((digit) => namesIn(answers, [7, digit])).sort()).toEqual(
    namesIn(answers, [7]),
  );
  // Evenly: each part has some of 31 on average.
  for (const digit of digits) expect(namesIn(answers, [digit]).length).toBeGreaterThan(5);
  expect(hashOf('a')).not.toBe(hashOf('b'));
});

/** Labels that may be too long, empty, or not of DNS, so that some names are none. */
const anyName = fc
  .array(
    fc.oneof(
      fc.constantFrom('', 'a', 'x'.repeat(63), 'x'.repeat(64)),
      fc.stringMatching(/^[A-Za-z0-9-]{1,70}$/),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((labels) => `${labels.join('.')}.host`);

test('whatever names a host knows and whatever domain it is asked for, only names of DNS are asked, and it answers', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyName, { maxLength: 8 }),
      fc.oneof(fc.constant(DOMAIN), anyName, fc.constant(`${'d'.repeat(49)}.${'d'.repeat(50)}`)),
      async (names, domain) => {
        const asked: string[] = [];
        const witness = new Witness({
          names: () => new Map(names.map((name) => [name, []])),
          ask: (full) => {
            asked.push(full);
            nameBytes(full);
            return Promise.resolve(answered(undefined));
          },
          hindrance: () => undefined,
          pause: NEVER,
        });
        const { count, refusal } = await witness.answer({ ...DIGESTS, domain });
        expect(refusal).toBeUndefined();
        expect(count).toBe(asked.length);
        const again = await witness.answer({ ...DIGESTS, domain, names });
        expect(again.said.map(({ name }) => `${name}.${domain}`)).toEqual(asked.slice(count));
      },
    ),
  );
});

test('a host whose DNS cannot be asked says so, and nothing is left unhandled', async () => {
  const witness = new Witness({
    names: () => new Map([['web.default', []]]),
    ask: () => Promise.reject(new RangeError('not a DNS name')),
    hindrance: () => undefined,
    pause: NEVER,
  });
  const answer = await witness.answer(DIGESTS);
  expect(answer.refusal).toContain('does not answer');
});
