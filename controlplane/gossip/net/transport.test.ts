import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { encodeMessage, encodePacket, type Message, type StreamMessage } from '../codec/index.ts';
import { addressBytes, addressText } from './address.ts';
import { loopback, Station, until } from './testing.ts';

const KEY = new Uint8Array(16).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(9);
const LABEL = new Uint8Array(Buffer.from('prod'));

const NACK: Message = { kind: 'nack', seqNo: 70_000 };
const nack = encodeMessage(NACK);

function pushPull(userState = new Uint8Array(0)): StreamMessage {
  return { kind: 'pushPull', join: true, nodes: [], userState };
}

test.each([
  ['plain', {}],
  ['encrypted', { keyring: () => [KEY, OTHER_KEY] }],
  ['labelled', { label: LABEL }],
  ['encrypted and labelled', { keyring: () => [OTHER_KEY], label: LABEL }],
])('packets and streams, %s', async (_name, options) => {
  await using a = await Station.open(loopback(), options);
  await using b = await Station.open(loopback(), options);
  a.send(b.at, nack, nack);
  const { from, message } = await until(() => b.packets[1]);
  expect(message).toEqual(NACK);
  expect({ addr: [...from.addr], port: from.port }).toEqual({
    addr: [...a.at.addr],
    port: a.at.port,
  });
  expect(await a.dial(b.at, pushPull())).toMatchObject({ kind: 'pushPull', join: true });
  expect(await a.dial(b.at, { kind: 'user', payload: KEY }, { answer: false })).toBeUndefined();
  const { message: user } = await until(() => b.requests[1]);
  expect(user).toEqual({ kind: 'user', payload: KEY });
  expect([a.refusals, b.refusals]).toEqual([[], []]);
});

test('a push/pull of many megabytes, both ways', async () => {
  await using a = await Station.open(loopback(), { keyring: () => [KEY] });
  await using b = await Station.open(loopback(), { keyring: () => [KEY] });
  const state = Uint8Array.from({ length: 5_000_000 }, (_, i) => (i * i) >> 3);
  const answer = await a.dial(b.at, pushPull(state), { timeout: 60_000 });
  expect(answer).toMatchObject({ kind: 'pushPull' });
  if (typeof answer !== 'object' || answer.kind !== 'pushPull') return;
  expect(Buffer.compare(answer.userState, state)).toBe(0);
});

test('IPv6', async () => {
  await using a = await Station.open('::1');
  await using b = await Station.open('::1');
  a.send(b.at, nack);
  const { from } = await until(() => b.packets[0]);
  expect(addressText(from.addr)).toBe('::1');
  expect(await a.dial(b.at, pushPull())).toMatchObject({ kind: 'pushPull' });
});

test('bound to all addresses, it takes both families and tells v4 sources in 4 bytes', async () => {
  await using all = await Station.open('::');
  await using four = await Station.open(loopback());
  await using six = await Station.open('::1');
  const { port } = all.at;
  four.send({ addr: Uint8Array.of(127, 0, 0, 1), port }, nack);
  const { from } = await until(() => all.packets[0]);
  expect([...from.addr]).toEqual([...four.at.addr]);
  all.send(four.at, nack);
  all.send(six.at, nack);
  await until(() => four.packets[0]);
  await until(() => six.packets[0]);
  const dialled = await six.dial({ addr: Uint8Array.of(127, 0, 0, 1), port }, pushPull());
  expect(dialled).toMatchObject({ kind: 'pushPull' });
  expect(all.requests[0]?.from.addr).toHaveLength(4);
});

test('a v4 address in 16 bytes is reached as v4', async () => {
  await using a = await Station.open(loopback());
  await using b = await Station.open(loopback());
  const addr = Uint8Array.from([...Array<number>(10).fill(0), 255, 255, ...b.at.addr]);
  a.send({ addr, port: b.at.port }, nack);
  await until(() => b.packets[0]);
  expect(await a.dial({ addr, port: b.at.port }, pushPull())).toMatchObject({ kind: 'pushPull' });
});

test('the wrong key is refused, and the dialler told so', async () => {
  await using a = await Station.open(loopback(), { keyring: () => [KEY] });
  await using b = await Station.open(loopback(), { keyring: () => [OTHER_KEY] });
  await using plain = await Station.open(loopback());
  a.send(b.at, nack);
  const { refusal } = await until(() => b.refusals[0]);
  expect(refusal.reason).toBe('undecryptable');
  // The answer is encrypted with a key that we do not have.
  expect(await a.dial(b.at, pushPull())).toContain('none of our keys');
  expect(await plain.dial(b.at, pushPull())).toContain('encrypted, and we have no key');
  expect(await b.dial(plain.at, pushPull())).toContain('not encrypted, and we have keys');
  expect(b.refusals.map(({ refusal }) => refusal.reason)).toEqual([
    'undecryptable',
    'undecryptable',
    'not-encrypted',
  ]);
  expect(b.requests).toEqual([]);
});

test('another label is met with silence', async () => {
  await using a = await Station.open(loopback(), { label: LABEL });
  await using b = await Station.open(loopback());
  a.send(b.at, nack);
  await until(() => b.refusals[0]);
  expect(await a.dial(b.at, pushPull())).toContain('closed');
  expect(b.refusals.map(({ refusal }) => refusal.reason)).toEqual(['wrong-label', 'wrong-label']);
  expect([b.packets, b.requests]).toEqual([[], []]);
});

test('garbage by stream is answered by an error', async () => {
  await using a = await Station.open(loopback());
  const socket = connect({ host: addressText(a.at.addr), port: a.at.port });
  socket.write(Uint8Array.of(99, 1, 2, 3));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer[0]).toBe(13);
  await once(socket, 'close');
  expect(a.refusals[0]?.refusal.reason).toBe('unknown-type');
});

test('who connects and says nothing is nobody to speak of', async () => {
  await using a = await Station.open(loopback());
  const socket = connect({ host: addressText(a.at.addr), port: a.at.port });
  await once(socket, 'connect');
  socket.end();
  socket.resume();
  await once(socket, 'close');
  expect(a.refusals).toEqual([]);
});

test('a silent connection is closed at the end of its time', async () => {
  await using a = await Station.open(loopback(), { streamTimeout: 50 });
  const socket = connect({ host: addressText(a.at.addr), port: a.at.port });
  await once(socket, 'close');
  expect(a.transport.counts.streamsAccepted).toBe(1);
});

test('of many silent connections all beyond the 128th are closed at once', async () => {
  await using a = await Station.open(loopback(), { streamTimeout: 60_000 });
  const { port } = a.at;
  const dial = (): Socket => connect({ host: addressText(a.at.addr), port });
  const silent = Array.from({ length: 128 }, dial);
  await until(() => a.transport.counts.streamsAccepted === 128);
  const late = dial();
  late.on('error', () => undefined);
  await once(late, 'close');
  expect(a.transport.counts.streamsDropped).toBe(1);
  for (const socket of silent) socket.destroy();
});

test('what cannot be reached fails, and is counted', async () => {
  await using a = await Station.open(loopback());
  await using b = await Station.open(loopback());
  const { port } = b.at;
  await b.transport.close();
  const v6 = addressBytes('2001:db8::1') ?? new Uint8Array(0);
  const nowhere = [
    { addr: new Uint8Array(0), port: 7946 },
    { addr: new Uint8Array(5), port: 7946 },
    { addr: b.at.addr, port: 0 },
    { addr: b.at.addr, port: 65_536 },
    { addr: v6, port: 7946 },
    // Broadcast is not allowed to us.
    { addr: Uint8Array.of(255, 255, 255, 255), port: 7946 },
  ];
  for (const to of nowhere) a.send(to, nack);
  await until(() => a.transport.counts.sendsFailed === nowhere.length);
  for (const to of nowhere.slice(0, 4))
    expect(await a.dial(to, pushPull())).toContain('no address');
  expect(await a.dial({ addr: b.at.addr, port }, pushPull())).toBe('nobody listens there');
  a.send({ addr: b.at.addr, port }, nack);
  a.send(a.at, nack);
  await until(() => a.packets[0]);
  expect(a.transport.sendProblem).toBeUndefined();
});

test('an empty packet, and one beyond all bounds, is not sent and breaks nothing', async () => {
  await using a = await Station.open(loopback());
  a.send(a.at);
  a.send(a.at, nack, new Uint8Array(0));
  a.send(a.at, ...Array<Uint8Array>(256).fill(nack));
  expect(a.transport.counts.packetsUnsendable).toBe(3);
  const huge: StreamMessage = { kind: 'user', payload: new Uint8Array(21 * 2 ** 20) };
  expect(await a.dial(a.at, huge, { answer: false })).toContain('too large');
});

test('garbage by packet changes nothing', async () => {
  const host = loopback();
  await using a = await Station.open(host);
  const stranger = createSocket('udp4');
  const packets = [
    [],
    [99],
    [7, 200, 1],
    [9, 0x81, 0xa3],
    [12, 0, 0, 0, 0, 11, 0x80],
    [244, 1, 65],
  ];
  for (const packet of packets) stranger.send(Uint8Array.from(packet), a.at.port, host);
  await until(() => a.refusals.length >= packets.length);
  a.send(a.at, nack);
  await until(() => a.packets[0]);
  stranger.close();
  expect(a.packets).toHaveLength(1);
});

test('a dial ends when its time is over, and when the transport closes', async () => {
  const silent = createServer();
  silent.listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const to = {
    addr: Uint8Array.of(127, 0, 0, 1),
    port: (silent.address() as AddressInfo).port,
  };
  const sockets: Socket[] = [];
  silent.on('connection', (socket) => sockets.push(socket));
  const a = await Station.open(loopback());
  expect(await a.dial(to, pushPull(), { timeout: 30 })).toBe('it took more than 30 ms');
  const pending = a.dial(to, pushPull(), { timeout: 600_000 });
  await until(() => sockets[1]);
  await a.transport.close();
  expect(await pending).toBe('this member stops');
  expect(await a.dial(to, pushPull())).toBe('this member stops');
  for (const socket of sockets) socket.destroy();
  silent.close();
});

test('a port in use, by UDP or by TCP, is told, and nothing stays open', async () => {
  const host = loopback();
  await using a = await Station.open(host);
  await expect(Station.open(host, {}, a.at.port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  const tcp = createServer().listen(0, host);
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  await expect(Station.open(host, {}, port)).rejects.toMatchObject({ code: 'EADDRINUSE' });
  tcp.close();
  await once(tcp, 'close');
  await using b = await Station.open(host, {}, port);
  expect(b.at.port).toBe(port);
});

test('an address that this host does not have is told', async () => {
  await expect(Station.open('192.0.2.1')).rejects.toMatchObject({ code: 'EADDRNOTAVAIL' });
});

test('an answer that came to another socket tells its ping; what is beside it is heard', async () => {
  await using a = await Station.open(loopback(), { keyring: () => [KEY] });
  await using b = await Station.open(loopback(), { keyring: () => [KEY] });
  const ping = a.transport.ping(70_001, 1000);
  expect(ping).toHaveLength(1000);
  const seal = { label: new Uint8Array(0), keyring: [KEY], compress: false, crc: true };
  const packetOf = (...parts: Uint8Array[]): Uint8Array =>
    encodePacket(parts, { ...seal, nonce: () => new Uint8Array(12) });
  const ack = encodeMessage({ kind: 'ack', seqNo: 70_001, payload: KEY });
  const answered: number[] = [];
  const answer = (packet: Uint8Array) =>
    a.transport.answer(packet, b.at, (seqNo) => void answered.push(seqNo));
  answer(packetOf(nack, nack));
  answer(KEY);
  answer(packetOf(ack, nack));
  expect((await until(() => a.packets[0])).message).toEqual(NACK);
  expect([answered, a.packets.length, a.refusals]).toEqual([[70_001], 1, []]);
  // As on the own socket: so many wait, what comes beyond is dropped and counted.
  for (let times = 0; times < 3000; times++) answer(packetOf(ack));
  await until(() => answered.length > 2048);
  expect([answered.length, a.transport.counts.packetsDropped]).toEqual([2049, 952]);
});
