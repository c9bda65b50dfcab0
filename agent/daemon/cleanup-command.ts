/** `weftd cleanup`: lists everything weft owns on this host, and removes it. */
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline/promises';
import type { Config } from '../config/config.ts';
import { inOrder } from '../state/diff.ts';
import type { Kernel, Operation } from '../state/kernel.ts';
import { describe, type Resource } from '../state/resource.ts';
import { openHostKernel } from './host-kernel.ts';
import { readSubnetEnv } from '../front/subnet-env.ts';

export interface CleanupWishes {
  /** Do not ask. */
  readonly yes: boolean;
}

/** Returns the exit code. */
export async function cleanup(config: Config, { yes }: CleanupWishes): Promise<number> {
  if (await answers(config.socket)) {
    return complain(
      `weftd runs on this host (${config.socket}) and would put everything back: stop it first`,
    );
  }
  const host = openHostKernel(config.runDir);
  try {
    const owned = await ownedBy(host.kernel);
    const files = readSubnetEnv(config.subnetFile) === undefined ? [] : [config.subnetFile];
    const lines = [...owned.map(describe), ...files.map((file) => `file ${file}`)];
    process.stdout.write(listing(lines));
    if (lines.length === 0) return 0;
    if (!yes && !(await confirmed()))
      return complain('nothing was removed: give --yes to remove it all');
    const failures = await remove(host.kernel, owned);
    for (const file of files) rmSync(file, { force: true });
    for (const failure of failures) complain(failure);
    return failures.length === 0 ? 0 : 1;
  } finally {
    await host.close();
  }
}

/** What a dump without any wish of ours tells is what carries our marks. */
async function ownedBy(kernel: Kernel): Promise<Resource[]> {
  const owned: Resource[] = [];
  for await (const slice of kernel.dump(new Set())) owned.push(...slice);
  return owned;
}

/** Returns what could not be removed, a sentence each. */
async function remove(kernel: Kernel, owned: readonly Resource[]): Promise<string[]> {
  const operations = inOrder(owned.map((actual): Operation => ({ action: 'remove', actual })));
  const outcomes = await kernel.apply(operations);
  return outcomes.flatMap((outcome, i) => {
    const actual = operations[i]?.actual;
    if (outcome.status === 'done' || actual === undefined) return [];
    const why = outcome.status === 'failed' ? outcome.message : `${outcome.found} is not weft's`;
    return `${describe(actual)} was not removed: ${why}`;
  });
}

function listing(lines: readonly string[]): string {
  if (lines.length === 0) return 'weft owns nothing on this host\n';
  return `weft owns on this host:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

async function confirmed(): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(
    'Remove all of it? Containers of this host lose the overlay. [y/N] ',
  );
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', end(true)).once('error', end(false));
  });
}

function complain(sentence: string): 1 {
  process.stderr.write(`weftd: ${sentence}\n`);
  return 1;
}
