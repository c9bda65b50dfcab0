/** Does what a command line asks for. What a command does is imported when it is called: `weft --help` loads none of it. */
import { WeftError } from '../controlplane/api/errors.ts';
import { VERSION } from '../controlplane/api/version.ts';
import { EXIT } from './exit-code.ts';
import { helpLines } from './help.ts';
import type { Context, Io } from './io.ts';
import { NOUNS } from './nouns.ts';
import { parse, type Call } from './parse.ts';
import { printLines } from './print.ts';
import { DEFAULT_SOCKET } from './spec.ts';
import { parseTemplate, type Template } from './template.ts';

/** Returns the exit code. Throws WeftError; WEFT_USAGE when it asks for nothing known. */
export async function perform(argv: readonly string[], io: Io): Promise<number> {
  const parsed = parse(argv, NOUNS);
  switch (parsed.type) {
    case 'version':
      printLines(io, [VERSION]);
      return EXIT.ok;
    case 'help': {
      const { stdout, stderr } = io;
      const to = parsed.asked ? stdout : stderr;
      to.write(`${helpLines(parsed.of, NOUNS, stdout.columns || undefined).join('\n')}\n`);
      return parsed.asked ? EXIT.ok : EXIT.usage;
    }
    case 'call': {
      const context = contextOf(parsed, io);
      return (await (await parsed.command.work()).run(context)) ?? EXIT.ok;
    }
  }
}

function contextOf(call: Call, io: Io): Context {
  const { command, words, values } = call;
  const { isTTY, columns } = io.stdout;
  const template = templateOf(call);
  return {
    io,
    socketPath: text(values['socket']) ?? (io.env['WEFT_SOCKET'] || DEFAULT_SOCKET),
    json: values['json'] === true,
    watch: values['watch'] === true,
    command: command.name,
    words,
    values,
    // https://no-color.org: present and not empty.
    color: values['no-color'] !== true && isTTY === true && !io.env['NO_COLOR'],
    ...(template === undefined ? {} : { template }),
    // 0: a terminal that does not know.
    ...(isTTY === true && columns !== undefined && columns > 0 ? { width: columns } : {}),
  };
}

function templateOf({ name, command, values }: Call): Template | undefined {
  const format = text(values['format']);
  if (format === undefined) return undefined;
  if (values['json'] === true) {
    throw new WeftError('WEFT_USAGE', '--json and --format are two forms of one answer', {
      fix: 'give one of them',
    });
  }
  if (command.answer === undefined) {
    throw new WeftError('WEFT_USAGE', `'${name}' has nothing that --format could take`, {
      fix: 'leave it out',
    });
  }
  return parseTemplate(format, command.answer.fields);
}

function text(value: Call['values'][string] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
