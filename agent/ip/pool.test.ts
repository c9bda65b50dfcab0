import { expect, test } from 'vitest';
import { DEFAULT_POOLS, formatPool, parsePool } from './pool.ts';

test('pools as text', () => {
  for (const pool of DEFAULT_POOLS) expect(parsePool(formatPool(pool))).toEqual(pool);
  for (const text of ['', '10.0.0.0/8', '10.0.0.0/8:7', '10.0.0.0/8:31', 'x/8:16', '10.0.0.0/8:x'])
    expect(parsePool(text)).toBeUndefined();
});
