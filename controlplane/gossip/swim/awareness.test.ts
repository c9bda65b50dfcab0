import { describe, expect, it } from 'vitest';
import { Awareness } from './awareness.ts';

describe('awareness', () => {
  it('stays between well and its bound', () => {
    const awareness = new Awareness(8);
    awareness.add(-1);
    expect(awareness.score).toBe(0);
    awareness.add(5);
    awareness.add(-2);
    expect(awareness.score).toBe(3);
    awareness.add(100);
    expect(awareness.score).toBe(7);
  });
});
