/**
 * The program behind a TUN device of the udp backend: each packet out of it goes, as it is, to the gateway of its route
 * over the device, by UDP, and what comes by UDP goes into it. It knows nothing but the kernel's routes, so it outlives
 * weftd, and a restart loses no packet. It ends when its device is removed.
 */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { read, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { partsOf, parseSocketAddress, type SocketAddress } from '../../ip/socket-address.ts';
import { errnoSentence, KernelError } from '../errno.ts';
import { openNetlink } from '../netlink/netlink.ts';
import { followWays } from './follow-ways.ts';
import { sourceOf } from './packet.ts';
import { openRawSender, openTun } from './tun.ts';
import { mayEnter, type Ways } from './ways.ts';

/** The word on standard output that says that the device is there; nothing is written afterwards. */
export const STARTED = 'started';

/** A former one, whose device was just removed, may still hold the port for a moment, in ms. */
const BIND_LIMIT = 3000;
const BIND_PAUSE = 10;
/** The largest IP packet. */
const PACKET_BYTES = 65_535;

/** Resolves when packets flow; rejects with a KernelError. */
export async function forward([name = '', text = '']: readonly string[]): Promise<void> {
  const listen = parseSocketAddress(text);
  if (listen === undefined) throw new KernelError('EINVAL', `${text} is no address with a port`);
  const socket = await bind(listen);
  const tun = openTun(name);
  const { driver } = openNetlink();
  const ways = await followWays(name, { kernel: driver, pause: sleep, random: Math.random });
  takeFrom(socket, tun);
  sendFrom(tun, ways, socket, partsOf(listen).port);
  process.stdout.write(`${STARTED}\n`);
}

async function bind(listen: SocketAddress): Promise<Socket> {
  const { address, port } = partsOf(listen);
  for (let waited = 0; ; waited += BIND_PAUSE) {
    const socket = createSocket('udp4');
    try {
      const isBound = once(socket, 'listening');
      socket.bind({ address, port, exclusive: true });
      await isBound;
      return socket;
    } catch (cause) {
      socket.close();
      const { code = 'EIO' } = cause as NodeJS.ErrnoException;
      if (code !== 'EADDRINUSE' || waited >= BIND_LIMIT)
        throw new KernelError(code, `${listen}: ${errnoSentence(code)}`);
      await sleep(BIND_PAUSE);
    }
  }
}

/** One packet at a time: the next is read when the one before has left. */
function sendFrom(tun: number, ways: Ways, socket: Socket, port: number): void {
  const answer = openRawSender();
  const buffer = Buffer.alloc(PACKET_BYTES);
  const next = (): void => {
    read(tun, buffer, 0, buffer.length, null, (error, length) => {
      // The device is gone.
      if (error !== null) process.exit(0);
      const packet = buffer.subarray(0, length);
      const fate = ways.fateOf(packet);
      // One that cannot be sent is lost, as on any network.
      if (fate.action === 'send') return socket.send(packet, port, fate.to, next);
      if (fate.action === 'answer') answer(fate.packet, sourceOf(packet));
      next();
    });
  };
  next();
}

function takeFrom(socket: Socket, tun: number): void {
  socket.on('message', (packet) => {
    if (!mayEnter(packet)) return;
    try {
      writeSync(tun, packet);
    } catch {
      // The device is down, or full: the packet is lost.
    }
  });
}
