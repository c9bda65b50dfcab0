/**
 * The agent in a machine: starts programs for the lab and carries their input, output, signals and end over the
 * machine's port. Its argument is the port's device. When the lab is gone, the port ends, and so does the machine.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createReadStream, createWriteStream, openSync } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  encodeFrame,
  FrameReader,
  jsonOf,
  KINDS,
  type Frame,
  type Kind,
  type StartRequest,
} from './frames.ts';

/** Opened once: a port has one user at a time. */
const fd = openSync(process.argv[2] ?? '', 'r+');
/** Bytes that may wait for the lab to read them; above, the programs have to wait with their output. */
const WAITING_LIMIT = 2 ** 20;

const programs = new Map<number, ChildProcess>();
const outputs = new Set<Readable>();
const port = createWriteStream('', { fd, highWaterMark: WAITING_LIMIT });
port.on('drain', () => outputs.forEach((output) => output.resume()));

function send(kind: Kind, program: number, payload?: Uint8Array | object): void {
  if (!port.write(encodeFrame(kind, program, payload))) outputs.forEach((output) => output.pause());
}

function start(frame: Frame): void {
  const id = frame.program;
  const { command, args, env, cwd, input } = jsonOf(frame) as StartRequest;
  const child = spawn(command, args, {
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    detached: true,
    ...(env !== undefined && { env }),
    ...(cwd !== undefined && { cwd }),
  });
  programs.set(id, child);
  carry(child.stdout, KINDS.stdout, id);
  carry(child.stderr, KINDS.stderr, id);
  // It may end without having read its input.
  child.stdin?.on('error', () => undefined);
  child.on('spawn', () => send(KINDS.started, id, { pid: child.pid }));
  child.on('error', (error: NodeJS.ErrnoException) => {
    if (child.pid !== undefined) return;
    programs.delete(id);
    send(KINDS.refused, id, { code: error.code, message: error.message });
  });
  child.on('close', (code, signal) => {
    if (programs.delete(id)) send(KINDS.ended, id, { code, signal });
  });
}

function carry(output: Readable | null, kind: Kind, id: number): void {
  if (output === null) return;
  outputs.add(output);
  output.on('data', (bytes: Buffer) => send(kind, id, bytes));
  output.on('close', () => outputs.delete(output));
}

function take(frame: Frame): void {
  const child = programs.get(frame.program);
  switch (frame.kind) {
    case KINDS.start:
      return start(frame);
    case KINDS.input:
      child?.stdin?.write(frame.payload);
      return;
    case KINDS.inputEnd:
      child?.stdin?.end();
      return;
    case KINDS.signal:
      child?.kill(frame.payload.toString() as NodeJS.Signals);
      return;
    default:
      throw new Error(`a frame of kind ${frame.kind}`);
  }
}

const reader = new FrameReader();
createReadStream('', { fd })
  .on('data', (bytes) => reader.push(bytes as Buffer).forEach(take))
  .on('end', () => process.exit(0));
send(KINDS.ready, 0);
