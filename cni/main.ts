/** The CNI plugin `weft`: called by a container runtime, which finds it by that name in its CNI_PATH. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Found, FoundRoute } from './check.ts';
import { CniError } from './error.ts';
import { perform } from './plugin.ts';
import { INPUT_LIMIT, parseCall, versionIn } from './protocol.ts';

const PROGRAM_LIMIT_MS = 10_000;

async function main(): Promise<void> {
  const { env, stdin, stdout } = process;
  let input = '';
  try {
    // Somebody at a terminal would be waited for.
    if (env['CNI_COMMAND'] !== undefined) input = await readAll(stdin);
    const answer = await perform(parseCall(env, input), { exists: existsSync, inside });
    if (answer !== undefined) stdout.write(`${JSON.stringify(answer)}\n`);
  } catch (thrown) {
    stdout.write(`${JSON.stringify(failure(thrown, input))}\n`);
    // Not process.exit: what was written to a pipe would be lost.
    process.exitCode = 1;
  }
}

function failure(thrown: unknown, input: string): object {
  const cniVersion = versionIn(input);
  if (!(thrown instanceof CniError)) {
    const msg = thrown instanceof Error ? thrown.message : String(thrown);
    return { cniVersion, code: 999, msg: `weft-cni failed: ${msg}` };
  }
  const { code, message: msg, details } = thrown;
  return { cniVersion, code, msg, ...(details === undefined ? {} : { details }) };
}

async function readAll(stream: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    length += (chunk as Buffer).length;
    if (length > INPUT_LIMIT)
      throw new CniError('decode', 'the configuration on stdin is longer than 1 MiB');
  }
  return Buffer.concat(chunks).toString();
}

/** Of `ip -json address` or `ip -json route`. */
interface IpEntry {
  readonly addr_info?: readonly { readonly local: string; readonly prefixlen: number }[];
  readonly dst?: string;
  readonly gateway?: string;
}

function inside(namespace: string, link: string): Found {
  const links = ip(namespace, ['address', 'show', 'dev', link]);
  const routes = (family: string, any: string): readonly FoundRoute[] =>
    (ip(namespace, [family, 'route']) ?? []).map(({ dst = '', gateway }) => ({
      destination: dst === 'default' ? any : dst,
      gateway,
    }));
  return {
    addresses: links?.flatMap(({ addr_info: found = [] }) =>
      found.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    ),
    routes: [...routes('-4', '0.0.0.0/0'), ...routes('-6', '::/0')],
  };
}

/** Undefined when it fails: there is no such interface, or namespace. */
function ip(namespace: string, args: readonly string[]): readonly IpEntry[] | undefined {
  const words = [`--net=${namespace}`, '--', 'ip', '-json', ...args];
  const options = { encoding: 'utf8', timeout: PROGRAM_LIMIT_MS } as const;
  const { status, stdout, error } = spawnSync('nsenter', words, options);
  if (error !== undefined) throw new CniError('io', `nsenter cannot be run (${error.message})`);
  return status === 0 ? (JSON.parse(stdout || '[]') as IpEntry[]) : undefined;
}

void main();
