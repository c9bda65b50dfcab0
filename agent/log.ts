/** The daemon's log on stdout: JSON for journald and collectors, or a readable line for people. */
import { isatty } from 'node:tty';
import { styleText } from 'node:util';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogConfig } from './config/config.ts';

export type { Logger } from 'pino';

/** Never logged, wherever a caller's field holds them. */
const SECRETS = ['password', 'etcd.password', 'config.etcd.password', '*.password'];
const MASK = '********';
const STDOUT = 1;

/** Written at once and in order; no worker threads. `write` and `terminal` are for tests. */
export function createLogger(
  { level, format }: LogConfig,
  write: DestinationStream = stdout(),
  terminal = isatty(STDOUT),
): Logger {
  const asText = format === 'text' || (format === 'auto' && terminal);
  return pino(
    {
      level,
      base: null,
      redact: { paths: SECRETS, censor: MASK },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    asText ? textStream(write, terminal) : write,
  );
}

function stdout(): DestinationStream {
  const destination = pino.destination({ fd: STDOUT, sync: true });
  // Whoever read the log is gone: the mesh goes on.
  destination.on('error', () => undefined);
  return destination;
}

function textStream(write: DestinationStream, coloured: boolean): DestinationStream {
  return {
    write: (line) => {
      write.write(textLine(line, coloured));
    },
  };
}

const COLOURS = {
  trace: 'gray',
  debug: 'gray',
  info: 'green',
  warn: 'yellow',
  error: 'red',
  fatal: 'red',
} as const;

/** What createLogger writes. */
interface Line {
  readonly time: string;
  readonly level: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** One line for people from one line of JSON: time of day, level, message, fields. */
export function textLine(json: string, coloured: boolean): string {
  const { time, level: label, msg, ...fields } = JSON.parse(json) as Line;
  const padded = label.toUpperCase().padEnd(5);
  const colour = COLOURS[label as keyof typeof COLOURS];
  const words = [
    time.slice(11, 23),
    coloured ? styleText(colour, padded, { validateStream: false }) : padded,
    ...(msg === undefined ? [] : [printable(msg)]),
    ...Object.entries(fields).map(([name, value]) => `${name}=${fieldText(value)}`),
  ];
  return `${words.join(' ')}\n`;
}

function fieldText(value: unknown): string {
  if (typeof value === 'string') {
    return /^[^\s"=\u0000-\u001f\u007f-\u009f]+$/.test(value)
      ? value
      : printable(JSON.stringify(value));
  }
  const { message } = (value ?? {}) as { message?: unknown };
  // An error has its stack in the JSON form.
  return printable(JSON.stringify(typeof message === 'string' ? message : value));
}

/** What came from outside must not move the terminal's cursor. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, '?');
}
