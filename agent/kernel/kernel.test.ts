import { expect, test } from 'vitest';
import { address } from '../ip/address.ts';
import type { Operation, Outcome } from '../state/kernel.ts';
import type { Kind, LinkAddress, Sysctl } from '../state/resource.ts';
import { composeKernel, type Driver } from './kernel.ts';

/** Notes what it is handed, by name. */
function driver(kind: Kind, notes: string[]): Driver {
  return {
    kinds: new Set([kind]),
    async *dump() {
      yield [];
    },
    async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
      notes.push(`${kind} ${operations.length}`);
      return operations.map(() => ({ status: 'conflict', found: kind }));
    },
    watch() {
      notes.push(`${kind} watched`);
    },
    async close() {
      notes.push(`${kind} closed`);
    },
  };
}

const sysctl: Sysctl = { kind: 'sysctl', path: 'net/ipv4/ip_forward', value: '1' };
const onLink: LinkAddress = {
  kind: 'address',
  link: 'flannel.1',
  address: address('10.5.1.0'),
  length: 32,
};

test('operations that follow each other go to their driver together, in order', async () => {
  const notes: string[] = [];
  const kernel = composeKernel([driver('sysctl', notes), driver('address', notes)]);
  const outcomes = await kernel.apply([
    { action: 'create', desired: sysctl },
    { action: 'create', desired: onLink },
    { action: 'remove', actual: onLink },
    { action: 'remove', actual: sysctl },
  ]);
  expect(notes).toEqual(['sysctl 1', 'address 2', 'sysctl 1']);
  expect(outcomes.map((outcome) => outcome.status === 'conflict' && outcome.found)).toEqual([
    'sysctl',
    'address',
    'address',
    'sysctl',
  ]);
});

test('a kind without a driver fails, and only that', async () => {
  const kernel = composeKernel([driver('sysctl', [])]);
  const outcomes = await kernel.apply([
    { action: 'create', desired: onLink },
    { action: 'create', desired: sysctl },
  ]);
  expect(outcomes).toMatchObject([
    { status: 'failed', code: 'ENOTSUP' },
    { status: 'conflict', found: 'sysctl' },
  ]);
});

test('all drivers are watched and closed', async () => {
  const notes: string[] = [];
  const kernel = composeKernel([driver('sysctl', notes), driver('address', notes)]);
  kernel.watch(() => undefined);
  await kernel.close();
  expect(notes).toEqual(['sysctl watched', 'address watched', 'sysctl closed', 'address closed']);
});
