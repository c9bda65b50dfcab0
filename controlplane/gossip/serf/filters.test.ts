import { describe, expect, it } from 'vitest';
import { filtersOf, passes } from './filters.ts';

const self = { name: 'n1', tags: new Map([['role', 'web']]) };

describe('passes', () => {
  it.each([
    [{}, true],
    [{ nodes: ['n1', 'n2'] }, true],
    [{ nodes: ['n2'] }, false],
    [{ tags: new Map([['role', '^we']]) }, true],
    [{ tags: new Map([['role', '^db']]) }, false],
    [{ tags: new Map([['zone', '^$']]) }, true],
    [{ nodes: ['n1'], tags: new Map([['role', 'db']]) }, false],
  ])('%j: %j', (options, meant) => {
    expect(passes(filtersOf(options), self)).toBe(meant);
  });

  it('lets nobody through who does not understand', () => {
    expect(passes([Uint8Array.of(7, 0xc0)], self)).toBe(false);
    expect(passes([new Uint8Array(0)], self)).toBe(false);
    const many = Array.from({ length: 17 }, () => filtersOf({ nodes: ['n1'] })).flat();
    expect(passes(many, self)).toBe(false);
  });
});

describe('filtersOf', () => {
  it('refuses a regular expression that would let nobody through', () => {
    expect(() => filtersOf({ tags: new Map([['role', '(?=a)']]) })).toThrow(RangeError);
  });
});
