/**
 * A member of the gossip that asks another one, again and again, whether it is there: BIND PORT JOIN COUNT. Prints what
 * each answer took, in ms, as JSON.
 */
import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGossip } from '../../../controlplane/gossip/index.ts';
import { addressBytes } from '../../../controlplane/gossip/net/address.ts';

const [bind = '', port = '', join = '', count = ''] = process.argv.slice(2);
const [host = '', hostPort = ''] = join.split(':');
/** Between two, in ms; longer than an answer takes. */
const PAUSE = 20;

const agent = startGossip({ name: 'pinger', bind, port: Number(port), join: [join] });
await agent.ready();
const from = { addr: addressBytes(host) ?? new Uint8Array(), port: Number(hostPort) };
const socket = createSocket('udp4');
const sent = new Map<number, number>();
const taken: number[] = [];
socket.on('message', (packet) => {
  const at = performance.now();
  agent.answer(packet, from, (number) => taken.push(at - (sent.get(number) ?? Number.NaN)));
});
for (let n = 1; n <= Number(count); n++) {
  const packet = agent.ping(n, 64);
  if (packet === undefined) throw new Error('no ping is so short');
  sent.set(n, performance.now());
  socket.send(packet, from.port, host);
  await sleep(PAUSE);
}
process.stdout.write(`${JSON.stringify(taken)}\n`);
process.exit(0);
