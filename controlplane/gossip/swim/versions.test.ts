import { describe, expect, it } from 'vitest';
import { NIL_BYTES, type NodeRecord } from '../codec/index.ts';
import type { Member } from './member.ts';
import { incompatibility } from './versions.ts';

const SERF = [1, 5, 2, 2, 5, 5];
const PLAIN = [1, 5, 2, 0, 0, 0];

function local(state: Member['state'], vsn: number[]): Member {
  const name = 'x';
  const [addr, meta] = [NIL_BYTES, NIL_BYTES];
  return { name, addr, meta, port: 1, incarnation: 1, since: 0, state, vsn: Uint8Array.from(vsn) };
}

function remote(state: number, vsn: number[]): NodeRecord {
  const [name, addr, meta] = ['y', NIL_BYTES, NIL_BYTES];
  return { name, addr, meta, port: 1, incarnation: 1, state, vsn: Uint8Array.from(vsn) };
}

describe('versions', () => {
  it('agree when all are alike', () => {
    expect(incompatibility([local('alive', SERF)], [remote(0, SERF)])).toBeUndefined();
    expect(incompatibility([local('alive', PLAIN)], [])).toBeUndefined();
  });

  it('do not when an application is none that the others know', () => {
    const problem = incompatibility([local('alive', PLAIN)], [remote(0, SERF)]);
    expect(problem).toContain('version 5 of the application protocol, the others versions 2 to 0');
  });

  it('are those of the dead too, but the dead set no bounds', () => {
    expect(incompatibility([local('alive', SERF)], [remote(2, PLAIN)])).toBeDefined();
    const wide = [1, 5, 2, 2, 9, 5];
    expect(incompatibility([local('alive', SERF)], [remote(2, wide)])).toBeUndefined();
    const narrow = [1, 5, 2, 5, 5, 5];
    const old = [1, 5, 2, 2, 5, 4];
    expect(incompatibility([local('alive', old)], [remote(2, narrow)])).toBeUndefined();
    expect(incompatibility([local('alive', old)], [remote(0, narrow)])).toBeDefined();
  });

  it('of memberlist count as well', () => {
    const newer = [3, 6, 3, 2, 5, 5];
    expect(incompatibility([local('alive', SERF)], [remote(0, newer)])).toContain('memberlist');
  });

  it('that are missing are version 0', () => {
    expect(incompatibility([local('alive', SERF)], [remote(0, [])])).toBeDefined();
  });
});
