import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Cache } from './cache.ts';
import { nameBytes } from './name.ts';
import { readQuery } from './query.ts';
import { soaRecord, writeReply, type Reply } from './reply.ts';
import { age, matchOf, readResponse, type Response } from './response.ts';
import { mayTake, OUTSIDERS, Shares } from './shares.ts';
import { question, readAnswer } from './client.ts';
import { RCODE, TYPE } from './wire.ts';
import { Upstreams } from './upstreams.ts';

const ADDRESS = { bytes: Uint8Array.of(192, 0, 2, 1), ttl: undefined };

/** What a server answers. */
function response(name: string, reply: Partial<Reply>, edns = true): Buffer {
  const asked = question(name, edns ? { edns: 1232 } : {});
  const query = readQuery(asked, asked.length);
  if (query === undefined) throw new Error('no query');
  const out = new Uint8Array(2048);
  const size = writeReply(out, asked, query, { rcode: 0, aa: false, ...reply }, 2048);
  return Buffer.from(out.subarray(0, size));
}

function read(bytes: Uint8Array): Response {
  const found = readResponse(bytes);
  if (found === undefined) throw new Error('malformed');
  return found;
}

describe('an answer of another server', () => {
  it('is kept as long as its shortest TTL, without its OPT', () => {
    const { message, lifetime, ttls } = read(
      response('example.com', {
        addresses: [ADDRESS, { ...ADDRESS, ttl: 20 }],
        ttl: 60,
      }),
    );
    expect(lifetime).toBe(20);
    expect(ttls).toHaveLength(2);
    const answer = readAnswer(message);
    expect(answer.additional).toEqual([]);
    age(message, ttls, 30);
    expect(readAnswer(message).answers.map(({ ttl }) => ttl)).toEqual([30, 0]);
  });

  it('that there is nothing is kept as long as its SOA says, 300 s at most, and without one not', () => {
    const negative = (ttl: number) => ({
      rcode: RCODE.NXDOMAIN,
      authority: [soaRecord('com', ttl)],
    });
    expect(read(response('a.com', negative(30))).lifetime).toBe(30);
    expect(read(response('a.com', negative(86_400))).lifetime).toBe(300);
    expect(read(response('a.com', { rcode: RCODE.NXDOMAIN })).lifetime).toBe(0);
    expect(read(response('a.com', { authority: [soaRecord('com', 9)] })).lifetime).toBe(9);
    expect(read(response('a.com', { rcode: RCODE.SERVFAIL })).lifetime).toBe(0);
  });

  it('with a TTL that is none is not kept', () => {
    const bytes = response('a.com', { addresses: [{ ...ADDRESS, ttl: 0xffff_ffff }] });
    expect(read(bytes).lifetime).toBe(0);
  });

  it('is only one to the question as it was sent', () => {
    const asked = question('ExAmple.com');
    const { end } = read(response('ExAmple.com', { addresses: [ADDRESS] }, false));
    const answerTo = (name: string) => response(name, { addresses: [ADDRESS] });
    expect(matchOf(answerTo('ExAmple.com'), asked, end)).toBe('same');
    expect(matchOf(answerTo('example.com'), asked, end)).toBe('other-case');
    expect(matchOf(answerTo('example.org'), asked, end)).toBe('other');
    expect(matchOf(asked, asked, end)).toBe('other');
    const otherId = answerTo('ExAmple.com');
    otherId[0] = 0x99;
    expect(matchOf(otherId, asked, end)).toBe('other');
  });

  it('is read or refused, whatever bytes come', () => {
    const good = response('example.com', {
      addresses: [ADDRESS],
      answers: [{ type: TYPE.CNAME, ttl: 5, data: nameBytes('a.example') }],
      authority: [soaRecord('com', 9)],
    });
    const mutated = fc
      .array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 6 })
      .map((changes) => {
        const copy = Buffer.from(good);
        for (const [at, byte] of changes) copy[at] = byte;
        return copy;
      });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        const found = readResponse(bytes);
        if (found === undefined) return;
        age(found.message, found.ttls, 1);
        expect(found.message.length).toBeLessThanOrEqual(bytes.length);
        expect(found.lifetime).toBeLessThanOrEqual(3600);
      }),
      { numRuns: 5_000 },
    );
  });
});

describe('the cache', () => {
  const of = (lifetime: number, bytes = 100): Response => ({
    message: new Uint8Array(bytes),
    rcode: 0,
    isTruncated: false,
    end: 20,
    ttls: [],
    lifetime,
  });

  it('keeps an answer for its time, and tells its age', () => {
    const cache = new Cache({ entries: 2, bytes: 1000, message: 500 });
    cache.put('a', of(10), 0);
    expect(cache.get('a', 9_999)?.age).toBe(9);
    expect(cache.get('a', 10_000)).toBeUndefined();
    expect([cache.size, cache.bytes]).toEqual([0, 0]);
    cache.put('b', of(0), 0);
    cache.put('c', of(10, 501), 0);
    expect(cache.size).toBe(0);
  });

  it('has room for so many, and drops the one not asked for the longest', () => {
    const cache = new Cache({ entries: 2, bytes: 1000, message: 500 });
    for (const key of ['a', 'b']) cache.put(key, of(10), 0);
    cache.get('a', 1);
    cache.put('c', of(10), 2);
    expect(['a', 'b', 'c'].map((key) => cache.get(key, 3) !== undefined)).toEqual([
      true,
      false,
      true,
    ]);
  });

  it('has room for so many bytes', () => {
    const cache = new Cache({ entries: 100, bytes: 1000, message: 500 });
    for (let i = 0; i < 50; i++) cache.put(`${i}`, of(10, 300), 0);
    expect([cache.size, cache.bytes]).toEqual([3, 900]);
  });
});

describe('the order of servers', () => {
  const upstreams = (random = 0.99) => {
    const list = new Upstreams(() => random);
    list.set(['a', 'b', 'c']);
    return list;
  };

  it('is as given at first, then by how fast they answer', () => {
    const list = upstreams();
    expect(list.order()).toEqual(['a', 'b', 'c']);
    list.answered('c', 5);
    expect(list.order()).toEqual(['c', 'a', 'b']);
    list.failed('c');
    expect(list.order()).toEqual(['a', 'b', 'c']);
    list.answered('c', 6);
    expect(list.order()[0]).toBe('c');
  });

  it('is another now and then, so that a server that is well again is found', () => {
    expect(upstreams(0).order()).toEqual(['b', 'a', 'c']);
  });

  it('gives the first a head start that fits it', () => {
    const list = upstreams();
    expect(list.headStart('a')).toBe(150);
    list.answered('a', 1);
    expect(list.headStart('a')).toBe(20);
    list.failed('a');
    expect(list.headStart('a')).toBe(300);
  });

  it('forgets those that are gone', () => {
    const list = upstreams();
    list.answered('b', 1);
    list.set(['a']);
    list.set(['a', 'b']);
    expect(list.order()).toEqual(['a', 'b']);
  });
});

describe('the share of an asker', () => {
  /** Of 3,000 questions of the flood within the second window, while `others` ask as well. */
  function admitted(others: number, isBusy: boolean): number {
    const shares = new Shares();
    let count = 0;
    for (const now of [0, 10]) {
      for (let i = 0; i < others; i++) shares.admit(`other ${i}`, now, isBusy);
      count = 0;
      for (let i = 0; i < 3_000; i++) if (shares.admit('flood', now, isBusy)) count++;
    }
    return count;
  }

  it('is all, for who asks alone, and while there is no queue', () => {
    expect(admitted(0, true)).toBe(3_000);
    expect(admitted(9, false)).toBe(3_000);
  });

  it('is as much as that of the others when it is tight', () => {
    expect(admitted(1, true)).toBe(500);
    expect(admitted(9, true)).toBe(100);
  });

  it('leaves the others theirs', () => {
    const shares = new Shares();
    for (const now of [0, 10]) {
      for (let i = 0; i < 10_000; i++) shares.admit('flood', now, true);
      expect(shares.admit('quiet', now, true)).toBe(true);
    }
  });
});

describe('what is held for a while', () => {
  /** Askers that take all they can, in turn, and what each has in the end. */
  function taken(askers: number, all: number): number[] {
    const mine = Array<number>(askers).fill(0);
    let sum = 0;
    for (let isOver = false; !isOver;) {
      isOver = true;
      for (let asker = 0; asker < askers; asker++)
        if (mayTake(mine[asker] ?? 0, sum, all)) {
          mine[asker] = (mine[asker] ?? 0) + 1;
          sum++;
          isOver = false;
        }
    }
    return mine;
  }

  it('is never held by a few: whoever comes next may have some', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 400, max: 5_000 }),
        (askers, all) => {
          const mine = taken(askers, all);
          const sum = mine.reduce((total, one) => total + one, 0);
          expect(sum).toBeLessThan(all);
          expect(mayTake(0, sum, all)).toBe(true);
          // Equal parts, to one more or less.
          expect(Math.max(...mine) - Math.min(...mine)).toBeLessThanOrEqual(1);
          expect(sum).toBeLessThanOrEqual((all * askers) / (askers + 4) + askers);
        },
      ),
    );
  });

  it('is half of it for four, and never more than there is', () => {
    expect(taken(4, 512)).toEqual([64, 64, 64, 64]);
    expect(taken(1_000, 512).reduce((total, one) => total + one, 0)).toBe(512);
  });
});

it('who may not ask takes no share from who may', () => {
  const shares = new Shares();
  for (const now of [0, 10]) {
    for (let i = 0; i < 5_000; i++) shares.admit(OUTSIDERS, now, true);
    let count = 0;
    for (let i = 0; i < 3_000; i++) if (shares.admit('ours', now, true)) count++;
    if (now > 0) expect(count).toBe(500);
  }
});
