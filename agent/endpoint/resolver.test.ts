import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readInside } from './resolver.ts';

/** Stands for /proc/PID: its root is the container's file system. */
let proc: string;
let file: string;

beforeEach(() => {
  proc = mkdtempSync(join(tmpdir(), 'weft-proc-'));
  mkdirSync(join(proc, 'root/etc'), { recursive: true });
  file = join(proc, 'root/etc/resolv.conf');
});
afterEach(() => rmSync(proc, { recursive: true }));

test('what a container has as resolv.conf is read', () => {
  writeFileSync(file, 'nameserver 192.0.2.1\n');
  expect(readInside(proc)).toBe('nameserver 192.0.2.1\n');
});

test.each([
  ['is not there', () => {}],
  ['is long', () => writeFileSync(file, '#'.repeat(16 * 1024 + 1))],
  ['never ends', () => execFileSync('mknod', [file, 'c', '1', '5'])],
  ['waits for a writer', () => execFileSync('mkfifo', [file])],
  ['leads elsewhere', () => symlinkSync('/etc/hostname', file)],
])('one that %s is none', (_, make) => {
  make();
  expect(readInside(proc)).toBeUndefined();
});
