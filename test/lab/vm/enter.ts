/** `node enter.cjs HOST [COMMAND ARGUMENTS…]`: runs the command in the lab's machine, or a shell on this terminal. */
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { encodeFrame, FrameReader, jsonOf, KINDS, type EndReport, type Frame } from './frames.ts';

const [name = '', command, ...args] = process.argv.slice(2);

/** script(1) makes a terminal in the machine, of this one's size. */
function shell(): [string, string[]] {
  if (!process.stdin.isTTY) return ['bash', []];
  const { rows, columns } = process.stdout;
  return ['script', ['-qec', `stty rows ${rows} columns ${columns}; exec bash`, '/dev/null']];
}

function take(frame: Frame): void {
  switch (frame.kind) {
    case KINDS.stdout:
      process.stdout.write(frame.payload);
      return;
    case KINDS.stderr:
      process.stderr.write(frame.payload);
      return;
    case KINDS.refused:
      return leave(127, (jsonOf(frame) as { message: string }).message);
    case KINDS.ended: {
      const { code, signal } = jsonOf(frame) as EndReport;
      return signal === null ? leave(code ?? 1) : leave(1, `ended by ${signal}`);
    }
  }
}

/** Once what was written has gone out, which a pipe may take its time for. */
function leave(code: number, message?: string): void {
  if (process.stdin.isTTY) process.stdin.setRawMode(false);
  process.stdin.destroy();
  socket.destroy();
  process.exitCode = code;
  if (message !== undefined) process.stderr.write(`${name}: ${message}\n`);
}

const reader = new FrameReader();
const socket = createConnection(join(dirname(process.argv[1] ?? ''), `${name}.sock`))
  .on('data', (bytes) => reader.push(bytes).forEach(take))
  .on('error', (error) => leave(1, error.message))
  .on('connect', () => {
    const [file, given] = command === undefined ? shell() : [command, args];
    const request = { command: file, args: given, env: process.env, cwd: '/', input: true };
    socket.write(encodeFrame(KINDS.start, 0, request));
    if (command === undefined && process.stdin.isTTY) process.stdin.setRawMode(true);
    process.stdin
      .on('data', (bytes: Buffer) => socket.write(encodeFrame(KINDS.input, 0, bytes)))
      .on('end', () => socket.write(encodeFrame(KINDS.inputEnd, 0)));
  });
