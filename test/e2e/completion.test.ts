/** Completion in real shells: what TAB makes of a line, with names from a running weftd. */
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Child } from '../lab/child.ts';
import { run } from '../lab/command.ts';
import { eventually } from '../lab/eventually.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { WEFT } from '../lab/weftd.ts';

let lab: Lab;
let env: Record<string, string>;

beforeAll(async () => {
  lab = await createLab({ nodes: 1 });
  const host = lab.host(1);
  await lab.startEtcd();
  // Members need no network.
  host.startWeftd(['--node-name=only-one']);
  const bin = join(lab.directory, 'bin');
  await mkdir(bin);
  await symlink(WEFT, join(bin, 'weft'));
  // A terminal that is nobody's, in which no shell finds anybody's habits.
  env = {
    PATH: `${bin}:${process.env['PATH']}`,
    WEFT_SOCKET: host.socket,
    HOME: lab.directory,
    TERM: 'dumb',
    PS1: '',
  };
  await eventually(
    async () => (await host.weft('member', 'ls', '--format', '{{name}}')).stdout === 'only-one\n',
    { within: 20_000, what: 'weftd knows itself' },
  );
});

afterAll(() => lab?.close());

/** A shell at a terminal, which has read its script. */
async function shellWith(shell: readonly string[], source: string): Promise<Child> {
  const child = new Child('script', ['-qec', shell.join(' '), '/dev/null'], { env, input: true });
  child.write(source);
  child.write('echo it is "ready"');
  await child.waitForLine(/^it is ready/);
  return child;
}

const SHELLS = [
  ['bash', ['bash', '--norc', '-i'], 'source <(weft completion bash)'],
  [
    'zsh',
    ['zsh', '-f', '-i'],
    'autoload -U compinit; compinit -u -D; source <(weft completion zsh)',
  ],
] as const;

test.each(SHELLS)('%s completes verbs, options, fields and members', async (_, shell, source) => {
  const terminal = await shellWith(shell, source);
  try {
    terminal.write('weft key rot\t--he\t');
    await terminal.waitForLine(/^Usage: weft key rotate-wireguard/);
    terminal.write("weft mem\tl\ton\t--format '{{sta\t");
    await terminal.waitForLine(/^alive/);
  } finally {
    terminal.write('exit');
    await terminal.stop('SIGHUP');
  }
});

test('fish completes verbs, options, fields, members and files', async () => {
  const complete = async (line: string): Promise<string[]> => {
    const script = 'weft completion fish | source; complete -C $argv[1]';
    const { stdout, stderr } = await run('fish', ['--no-config', '-c', script, line], { env });
    expect(stderr).toBe('');
    return stdout.trimEnd().split('\n');
  };
  expect(await complete('weft key rot')).toEqual([
    'rotate-wireguard\tgive this host another WireGuard key; no packet is lost',
  ]);
  expect(await complete('weft members --wa')).toEqual(['--watch\tgo on, and show each change']);
  expect(await complete('weft member ls o')).toEqual(['only-one\talive']);
  expect(await complete('weft version --format ')).toEqual(['{{version}}\tstring']);
  expect(await complete(`weft --socket ${lab.directory}/bi`)).toEqual([`${lab.directory}/bin/`]);
});

test.each(['bash', 'zsh'])('%s finds nothing wrong with its script', async (shell) => {
  const { stdout } = await run('weft', ['completion', shell], { env });
  const checked = await run(shell, ['-n', '-c', stdout], { env });
  expect(checked).toMatchObject({ code: 0, stderr: '' });
});
