/** What a failed test leaves to look at: the machines' logs, what programs said, and the packets at the switch. */
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from './lab.ts';

/** Bytes of each packet, and files of so many million bytes that are written in turn. */
const CAPTURED = ['-s', '200', '-C', '20', '-W', '2'];

/** Of vitest's test context. */
export interface TestEnd {
  onTestFinished(
    listener: (context: {
      readonly task: { readonly result?: { readonly state: string } };
    }) => unknown,
  ): void;
}

/**
 * Collects until the lab is closed, and keeps it if the test has failed; the place is on standard error then. The
 * capture takes part of a core under heavy traffic: not for measurements.
 */
export async function collectEvidence(lab: Lab, test: TestEnd): Promise<void> {
  const directory = join(tmpdir(), 'weft-evidence', lab.name);
  await mkdir(directory, { recursive: true });
  // All ports: a packet shows where it comes in and where it goes out.
  const args = ['-i', 'any', '-U', ...CAPTURED, '-Z', 'root', '-w', join(directory, 'switch.pcap')];
  const packets = lab.outside.spawn('tcpdump', args);
  await packets.waitForLine(/listening on/);
  lab.beforeClose(async () => {
    await packets.stop('SIGINT');
    await Promise.all(lab.hosts.map(async (host) => host.machine?.writeKernelLog()));
    for (const place of lab.hosts.flatMap((host) => [host, ...host.workloads]))
      for (const child of place.children)
        await writeFile(
          join(directory, `${place.name}-${child.pid}.log`),
          `${child.command}\n${child.text}\n`,
        );
    if (lab.hosts.some(({ machine }) => machine !== undefined))
      await cp(lab.machineLogs, directory, {
        recursive: true,
        filter: (path) => !/\.(sock|cjs)$/.test(path),
      });
  });
  test.onTestFinished(async ({ task }) => {
    if (task.result?.state !== 'fail') return rm(directory, { recursive: true, force: true });
    process.stderr.write(`evidence of the failure: ${directory}\n`);
  });
}
