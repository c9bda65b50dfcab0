/** Answers a UDP packet with the source address it came from, and asks others the same. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import { serve } from './lines.ts';

const PORT = 7777;

const listening = (['udp4', 'udp6'] as const).map(async (type) => {
  const socket = createSocket({ type, ipv6Only: type === 'udp6' });
  socket.on('message', (_, from) => socket.send(from.address, from.port, from.address));
  socket.bind(PORT);
  await once(socket, 'listening');
});

serve(async ({ to, patience }) => {
  await Promise.all(listening);
  return to === undefined ? undefined : ask(to as string, patience as number);
});

/** The source address that `to` saw, or null if nothing came back within `patience` ms. A new port each time: a new flow. */
function ask(to: string, patience: number): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(to) ? 'udp6' : 'udp4');
    const end = (seen: string | null): void => {
      clearTimeout(timer);
      socket.close();
      resolve(seen);
    };
    const timer = setTimeout(() => end(null), patience);
    socket.on('message', (bytes) => end(bytes.toString()));
    socket.on('error', () => end(null));
    socket.send('who', PORT, to);
  });
}
