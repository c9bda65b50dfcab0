/** Does to a DNS server (its address is the argument) what none should mind, and prints what came of it. */
import { createSocket } from 'node:dgram';
import { connect, type Socket } from 'node:net';
import { question, readAnswer } from '../../../controlplane/dns/client.ts';

const [server = ''] = process.argv.slice(2);
const PORT = 53;

function frame(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** A generator of its own, so that a failure comes again. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff) / 0x8000_0000;
}

async function junk(): Promise<string> {
  const socket = createSocket('udp4');
  const next = random(7);
  const good = question('web.default.weft', { edns: 1232 });
  for (let i = 0; i < 20_000; i++) {
    const bytes = i % 2 === 0 ? Buffer.from(good) : Buffer.alloc(Math.floor(next() * 600));
    const changes = i % 2 === 0 ? 4 : bytes.length;
    for (let n = 0; n < changes; n++)
      bytes[Math.floor(next() * bytes.length)] = Math.floor(next() * 256);
    await new Promise((resolve) => socket.send(bytes, PORT, server, resolve));
  }
  socket.send(Buffer.alloc(60_000), PORT, server);
  const answered = new Promise<string>((resolve) => {
    socket.on('message', (bytes) => {
      if (bytes.readUInt16BE() === 0x4242 && readAnswer(bytes).answers.length === 1)
        resolve('answers go on');
    });
  });
  const again = setInterval(() => socket.send(question('web', { id: 0x4242 }), PORT, server), 50);
  const outcome = await answered;
  clearInterval(again);
  socket.close();
  return outcome;
}

async function pipelined(): Promise<number> {
  const socket = connect(PORT, server);
  const asked = Array.from({ length: 200 }, (_, id) => frame(question('web', { id })));
  socket.write(Buffer.concat(asked));
  let received: Buffer = Buffer.alloc(0);
  const ids = new Set<number>();
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      ids.add(readAnswer(received.subarray(2, 2 + received.readUInt16BE())).id);
      received = received.subarray(2 + received.readUInt16BE());
    }
    if (ids.size === 200) break;
  }
  return ids.size;
}

/** Resolves when the server closed it, or broke it off. */
function closed(socket: Socket): Promise<string> {
  socket.on('error', () => socket.destroy()).resume();
  return new Promise((resolve) => void socket.once('close', () => resolve('closed')));
}

function oversize(): Promise<string> {
  const socket = connect(PORT, server);
  socket.write(frame(Buffer.alloc(5_000)));
  return closed(socket);
}

/** A byte a second: each comes before the connection is idle for too long. */
async function slow(): Promise<string> {
  const socket = connect(PORT, server);
  const bytes = frame(question('web'));
  let at = 0;
  const drip = setInterval(() => socket.write(bytes.subarray(at, ++at)), 1_000);
  const outcome = await closed(socket);
  clearInterval(drip);
  return at < bytes.length ? outcome : 'answered';
}

function idle(): Promise<string> {
  return closed(connect(PORT, server));
}

/** How many of 100 connections at once are answered. */
async function crowd(): Promise<number> {
  const sockets = Array.from({ length: 100 }, () => connect(PORT, server));
  const answered = sockets.map(
    (socket) =>
      new Promise<boolean>((resolve) => {
        socket.on('error', () => socket.destroy());
        socket.once('data', () => resolve(true)).once('close', () => resolve(false));
        socket.write(frame(question('web')));
      }),
  );
  const count = (await Promise.all(answered)).filter(Boolean).length;
  for (const socket of sockets) socket.destroy();
  return count;
}

const result = {
  junk: await junk(),
  pipelined: await pipelined(),
  oversize: await oversize(),
  crowd: await crowd(),
};
const [slowly, idly] = await Promise.all([slow(), idle()]);
process.stdout.write(`${JSON.stringify({ ...result, slow: slowly, idle: idly })}\n`);
process.exit(0);
