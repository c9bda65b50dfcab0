import { describe, expect, it } from 'vitest';
import { decodeSerf, encodeSerf, type Keyring } from '../codec/index.ts';
import { Cluster, type TestNode } from './cluster.ts';
import type { KeyOperation, KeyResult } from './face.ts';
import { changeKeys, encodeKeyResponse } from './keys.ts';
import { TEST_TIMEOUT } from './testing.ts';

const key = (fill: number, length = 32): Uint8Array => new Uint8Array(length).fill(fill);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const [OLD, NEW] = [key(1), key(2)];

function ask(
  cluster: Cluster,
  node: TestNode,
  operation: KeyOperation,
  key?: Uint8Array,
): KeyResult {
  let result: KeyResult | undefined;
  node.serf.keys(operation, key, (given) => (result = given));
  cluster.until(() => result !== undefined);
  return result as KeyResult;
}

describe('keys', { timeout: TEST_TIMEOUT }, () => {
  it('are rotated on every member from any member, without losing one', () => {
    const cluster = new Cluster(1);
    const nodes = cluster.grow(5, { keyring: [OLD] });
    const [a, b, c] = nodes as [TestNode, TestNode, TestNode];
    expect(ask(cluster, a, 'install', NEW).ok).toBe(true);
    expect(nodes.map(({ serf }) => serf.keyring)).toEqual(nodes.map(() => [OLD, NEW]));
    expect(ask(cluster, b, 'use', NEW).ok).toBe(true);
    expect(nodes.map(({ serf }) => serf.keyring)).toEqual(nodes.map(() => [NEW, OLD]));
    const removed = ask(cluster, c, 'remove', OLD);
    expect(removed).toMatchObject({ ok: true, silent: [] });
    expect(removed.answers.map(({ name }) => name).sort()).toEqual(['n1', 'n2', 'n3', 'n4', 'n5']);
    expect(nodes.map(({ serf }) => serf.keyring)).toEqual(nodes.map(() => [NEW]));
    const listed = ask(cluster, a, 'list');
    expect(listed.answers.map(({ keys, primary }) => [keys, primary])).toEqual(
      nodes.map(() => [[base64(NEW)], base64(NEW)]),
    );
    for (const { told } of nodes)
      expect(told.filter(({ kind }) => kind === 'keyring')).toMatchObject([
        { keyring: [OLD, NEW] },
        { keyring: [NEW, OLD] },
        { keyring: [NEW] },
      ]);
    cluster.pass(60_000);
    for (const { serf } of nodes)
      expect(serf.members().map(({ status }) => status)).toEqual(nodes.map(() => 'alive'));
  });

  it('are done before the timeout when all have answered, and name who is silent when not', () => {
    const cluster = new Cluster(2);
    const nodes = cluster.grow(4, { keyring: [OLD] });
    const start = cluster.timers.now;
    ask(cluster, nodes[0] as TestNode, 'list');
    expect(cluster.timers.now - start).toBeLessThan(1_000);
    (nodes[3] as TestNode).stopped = true;
    expect(ask(cluster, nodes[0] as TestNode, 'install', NEW)).toMatchObject({
      ok: false,
      silent: ['n4'],
    });
  });

  it('of a plain cluster, a bad one, an unknown one and the one in use are refused by each', () => {
    const plain = new Cluster(3);
    const result = ask(plain, plain.grow(2)[0] as TestNode, 'install', NEW);
    expect(result.ok).toBe(false);
    expect(result.answers.map(({ message }) => message)).toEqual([
      'the cluster is not encrypted: start it with a key',
      'the cluster is not encrypted: start it with a key',
    ]);
    const cluster = new Cluster(4);
    const [a] = cluster.grow(2, { keyring: [OLD] }) as [TestNode];
    for (const [operation, key_] of [
      ['install', key(3, 20)],
      ['use', NEW],
      ['remove', OLD],
    ] as const) {
      const { ok, answers } = ask(cluster, a, operation, key_);
      expect([ok, ...answers.map((answer) => answer.ok)]).toEqual([false, false, false]);
    }
    expect(a.serf.keyring).toEqual([OLD]);
  });
});

describe('changeKeys', () => {
  it('refuses what is no request for a key', () => {
    for (const payload of [new Uint8Array(0), Uint8Array.of(7), Uint8Array.of(99, 1)]) {
      const { keyring, response } = changeKeys('install', [OLD], payload);
      expect([keyring, response.result]).toEqual([[OLD], false]);
    }
  });
});

describe('encodeKeyResponse', () => {
  it('gives the keys that fit, and says so', () => {
    const keyring: Keyring = Array.from({ length: 60 }, (_, i) => key(i));
    const { response } = changeKeys('list', keyring, new Uint8Array(0));
    const encoded = encodeKeyResponse(response, 950);
    expect(encoded.length).toBeLessThanOrEqual(950);
    const decoded = decodeSerf(encoded);
    if (!decoded.ok || decoded.value.kind !== 'keyResponse') throw new Error('not decoded');
    const { keys, message, primaryKey, result } = decoded.value;
    expect(keys.length).toBeGreaterThan(15);
    expect(keys).toEqual(response.keys.slice(0, keys.length));
    expect(message).toBe(`truncated key list response, showing first ${keys.length} of 60 keys`);
    expect([primaryKey, result]).toEqual([base64(keyring[0] as Uint8Array), true]);
    expect(encodeKeyResponse({ ...response, keys: ['a'] }, 950)).toEqual(
      encodeSerf({ ...response, keys: ['a'] }),
    );
  });
});
