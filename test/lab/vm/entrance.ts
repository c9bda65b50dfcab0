/** Lets people enter the machines of a lab from another terminal: a socket for each, and a program to use it with. */
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import type { Lab } from '../lab.ts';
import { bundle } from './bundle.ts';
import {
  encodeFrame,
  FrameReader,
  jsonOf,
  KINDS,
  type Frame,
  type StartRequest,
} from './frames.ts';
import type { GuestProgram } from './guest-program.ts';
import type { Machine } from './machine.ts';

/** Resolves with the program to give to Node: its arguments are a host's name, and a command unless a shell is wanted. */
export async function openEntrances(lab: Lab): Promise<string> {
  for (const { name, machine } of lab.hosts)
    if (machine !== undefined)
      createServer((socket) => receive(socket, machine))
        .listen(join(lab.machineLogs, `${name}.sock`))
        .unref();
  const program = join(lab.machineLogs, 'enter.cjs');
  await bundle(new URL('./enter.ts', import.meta.url), program);
  return program;
}

/** One program a connection. Who comes in goes by the agent's protocol; program numbers mean nothing here. */
function receive(socket: Socket, machine: Machine): void {
  const reader = new FrameReader();
  let program: GuestProgram | undefined;
  const take = (frame: Frame): void => {
    if (frame.kind === KINDS.start) program = start(socket, machine, jsonOf(frame) as StartRequest);
    else if (frame.kind === KINDS.input) program?.stdin.write(frame.payload);
    else if (frame.kind === KINDS.inputEnd) program?.stdin.end();
  };
  socket.on('data', (bytes) => reader.push(bytes).forEach(take));
  socket.on('close', () => program?.kill('SIGHUP'));
  socket.on('error', () => undefined);
}

function start(socket: Socket, machine: Machine, request: StartRequest): GuestProgram {
  const program = machine.start(request);
  program.stdout.on('data', (bytes: Buffer) => socket.write(encodeFrame(KINDS.stdout, 0, bytes)));
  program.stderr.on('data', (bytes: Buffer) => socket.write(encodeFrame(KINDS.stderr, 0, bytes)));
  program.on('error', ({ code, message }: NodeJS.ErrnoException) =>
    socket.end(encodeFrame(KINDS.refused, 0, { code, message })),
  );
  program.on('close', (code: number | null, signal: NodeJS.Signals | null) =>
    socket.end(encodeFrame(KINDS.ended, 0, { code, signal })),
  );
  return program;
}
