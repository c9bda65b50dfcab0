/** The commands of `weft` and their flags. What they do is imported when they are called: `weft --help` loads none of it. */
import { Command, CommanderError } from 'commander';
import { WeftError } from '../controlplane/api/errors.ts';
import { VERSION } from '../controlplane/api/version.ts';
import { EXIT } from './exit-code.ts';
import type { Context, Io } from './io.ts';

export const DEFAULT_SOCKET = '/run/weft/weft.sock';

type Work = () => Promise<{ run(context: Context): Promise<void> }>;

const HELP_END = `
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 weftd does not answer.
The page docs/cli.md describes every command and its JSON.`;

/** Does what `argv` asks for. Throws WeftError; WEFT_USAGE when it asks for nothing known. */
export async function perform(argv: readonly string[], io: Io): Promise<number> {
  try {
    await program(io).parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return EXIT.ok;
    // No command was named, and commander has printed the help.
    if (error.code === 'commander.help') return EXIT.usage;
    throw new WeftError('WEFT_USAGE', sentenceOf(error.message), { fix: 'see weft --help' });
  }
}

function program(io: Io): Command {
  const weft = new Command('weft')
    .description('Shows the network that weftd weaves on this host.')
    .option('--socket <path>', `where weftd listens (WEFT_SOCKET; default: ${DEFAULT_SOCKET})`)
    .option('--json', 'print JSON')
    .option('--no-color', 'print without colours')
    .version(VERSION, '-V, --version', 'print the version')
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', HELP_END)
    .helpOption('-h, --help', 'print this')
    .helpCommand('help [command]', 'print how a command is used')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => undefined,
    });
  const does =
    (work: Work) =>
    async (...given: unknown[]) => {
      const command = given.at(-1) as Command;
      await (await work()).run(contextOf(command, io));
    };
  weft
    .command('status')
    .description('how this host is doing: what is wrong first')
    .option('--watch', 'go on, and show each change')
    .action(does(async () => await import('./commands/status.ts')));
  weft
    .command('leases')
    .description("every host's lease, and why those that are refused are")
    .option('--watch', 'go on, and show each change')
    .action(does(async () => await import('./commands/leases.ts')));
  weft
    .command('members')
    .description('every member of the gossip, and whether it is alive')
    .option('--watch', 'go on, and show each change')
    .action(does(async () => await import('./commands/members.ts')));
  weft
    .command('peers')
    .description('how every other host is reached, and what is wrong with that')
    .option('--watch', 'go on, and show each change')
    .action(does(async () => await import('./commands/peers.ts')));
  addKeys(weft, does);
  weft
    .command('plan')
    .description('what should be in the kernel, what is, and what would be done')
    .action(does(async () => await import('./commands/plan.ts')));
  weft
    .command('docker-opts')
    .description("write Docker's options from subnet.env, as mk-docker-opts.sh does")
    .usage('[-f FILE] [-d FILE] [-i] [-c] [-m] [-k NAME]')
    .action(misplacedDockerOpts);
  weft
    .command('version')
    .description('print the version')
    .action(does(async () => await import('./commands/version.ts')));
  return weft;
}

type Does = (work: Work) => (...given: unknown[]) => Promise<void>;

function addKeys(weft: Command, does: Does): void {
  const keys = weft
    .command('keys')
    .description('the keys that encrypt gossip, on every member, and the one of WireGuard')
    .addHelpText('after', ROTATION);
  keys
    .command('list')
    .description('which keys the members have')
    .action(does(async () => await import('./commands/keys-list.ts')));
  for (const [action, description] of Object.entries(KEY_COMMANDS)) {
    keys
      .command(action)
      .argument('<key>', 'in base64')
      .description(description)
      .action(does(async () => await import('./commands/keys-change.ts')));
  }
  keys
    .command('generate')
    .description('make a new key and print it; tells nobody')
    .action(does(async () => await import('./commands/keys-generate.ts')));
  keys
    .command('rotate-wireguard')
    .description('give this host another WireGuard key; no packet is lost')
    .action(does(async () => await import('./commands/keys-rotate-wireguard.ts')));
}

const KEY_COMMANDS = {
  install: 'let every member open what is encrypted with this key',
  use: 'let every member encrypt with this key, which all must have',
  remove: 'let every member forget this key, which none may use',
};

const ROTATION = `
To change the key of gossip: generate one, install it, use it, remove the old one. Each step tells what became of
it on every member, and may be repeated.`;

interface Flags {
  readonly socket?: string;
  readonly json?: boolean;
  readonly color?: boolean;
  readonly watch?: boolean;
}

function contextOf(command: Command, io: Io): Context {
  const { socket, json, color, watch } = command.optsWithGlobals<Flags>();
  if (socket === '') {
    throw new WeftError('WEFT_USAGE', '--socket is empty', { fix: 'name a path after it' });
  }
  return {
    io,
    socketPath: socket ?? (io.env['WEFT_SOCKET'] || DEFAULT_SOCKET),
    json: json === true,
    watch: watch === true,
    command: command.name(),
    words: command.args,
    // https://no-color.org: present and not empty.
    color: color !== false && io.stdout.isTTY === true && !io.env['NO_COLOR'],
  };
}

/** Its own flags are mk-docker-opts.sh's, so it is called before anything is parsed (app.ts). */
function misplacedDockerOpts(): never {
  throw new WeftError('WEFT_USAGE', 'docker-opts takes no flags of weft', {
    fix: 'call it as weft docker-opts [-f FILE] [-d FILE] …',
  });
}

/** From commander's `error: unknown command 'x'\n(Did you mean y?)`. */
function sentenceOf(message: string): string {
  return message
    .replace(/^error: /, '')
    .replace(/\n\((.*)\)$/s, ' ($1)')
    .replace(/\.$/, '')
    .replace('Did you', 'did you')
    .replace('. Expected', ', expected');
}
