/** What is expected of weftd and weft when something is wrong: one sentence, the right exit code, nothing changed. */
import { afterAll, beforeAll, expect } from 'vitest';
import type { Finished } from '../lab/command.ts';
import type { Host } from '../lab/host.ts';
import type { KernelDump } from '../lab/kernel-dump.ts';
import { kernelState } from '../lab/kernel-state.ts';

export interface Wrong {
  readonly flags: readonly string[];
  readonly says: RegExp;
  readonly env?: Readonly<Record<string, string>>;
  /** A program, with its arguments, that starts weftd. */
  readonly through?: readonly string[];
}

/** Runs weftd on the host, which must end by itself. */
export async function expectRefusal(
  host: Host,
  code: number,
  { flags, says, ...options }: Wrong,
): Promise<void> {
  expectOneSentence(await host.runWeftd(flags, { timeoutMs: 20_000, ...options }), code, says);
}

/** Of all tests around the call together: a look at the kernel takes longer than most of them. */
export function expectKernelUnchanged(host: () => Host): void {
  let before: KernelDump;
  beforeAll(async () => {
    before = await kernelState(host());
  });
  afterAll(async () => {
    expect(await kernelState(host())).toEqual(before);
  });
}

/** On stderr, and no trace of a stack. */
export function expectOneSentence(
  finished: Finished,
  code: number,
  says: RegExp,
  name = 'weftd',
): void {
  const { stderr } = finished;
  expect({ code: finished.code, stderr }).toEqual({ code, stderr: expect.stringMatching(says) });
  expect(stderr).toMatch(new RegExp(`^${name}: [^\\n]+\\n$`));
  expect(stderr).not.toMatch(/\bat .*:\d+:\d+|this is a fault in weft|Error: /);
}

/** Starts a program for which alone the directory's file system is read-only. */
export function withReadOnly(directory: string): string[] {
  const script = `mount -t tmpfs -o ro none ${directory} && exec "$@"`;
  // As a slave it lets go of network namespaces that are removed meanwhile.
  return ['unshare', '--mount', '--propagation=slave', 'sh', '-c', script, 'sh'];
}
