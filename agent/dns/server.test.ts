/** The server on loopback, with other servers of the test's own. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Answers } from '../../controlplane/dns/answers.ts';
import { NameIndex } from '../../controlplane/dns/name-index.ts';
import { readQuery } from '../../controlplane/dns/query.ts';
import { writeReply, type Reply } from '../../controlplane/dns/reply.ts';
import {
  question,
  readAnswer,
  type Asked,
  type ReadAnswer,
} from '../../controlplane/dns/client.ts';
import { RCODE } from '../../controlplane/dns/wire.ts';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { Forwarder } from './forwarder.ts';
import type { DnsProblem, Listener } from './messages.ts';
import { Server } from './server.ts';

const HERE = address('127.0.0.1');
/** Of this test: nobody else listens there. */
const PORT = 20_053;
const LISTENER: Listener = { address: HERE, port: PORT, networks: ['default'], from: [] };

let index: NameIndex;
let answers: Answers;
/** What was caught. */
let broken: unknown[];
let forwarder: Forwarder;
let server: Server;
let problems: readonly DnsProblem[];
let closers: (() => void)[];

beforeEach(() => {
  index = new NameIndex();
  answers = new Answers(
    index,
    { domain: 'weft', ttl: 1, ttlOf: new Map(), networks: new Set() },
    Math.random,
  );
  forwarder = new Forwarder(() => 0.99);
  problems = [];
  broken = [];
  const broke = (cause: unknown): void => void broken.push(cause);
  server = new Server({ answers, forwarder, broke, problems: (found) => (problems = found) });
  closers = [];
  server.setListeners([LISTENER]);
});
afterEach(() => {
  server.close();
  forwarder.close();
  for (const close of closers) close();
});

/** Undefined: no answer within a while. */
async function ask(name: string, asked: Asked = {}, port = PORT): Promise<ReadAnswer> {
  const socket = createSocket('udp4');
  try {
    socket.send(question(name, asked), port, HERE);
    const [bytes] = (await once(socket, 'message')) as [Buffer];
    return readAnswer(bytes);
  } finally {
    socket.close();
  }
}

interface Upstream {
  readonly at: string;
  /** The questions it got, as they came. */
  readonly asked: Buffer[];
}

type Answering = (bytes: Buffer, transport: 'udp' | 'tcp') => Buffer | undefined;

/** A server that answers what it is told to, by UDP and TCP. */
async function upstream(answering: Answering): Promise<Upstream> {
  const asked: Buffer[] = [];
  const tcp: NetServer = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (frame) => {
      asked.push(frame.subarray(2));
      const bytes = answering(frame.subarray(2), 'tcp');
      if (bytes === undefined) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(bytes.length);
      socket.write(Buffer.concat([length, bytes]));
    });
  });
  tcp.listen(0, HERE);
  await once(tcp, 'listening');
  const { port } = tcp.address() as AddressInfo;
  const udp: Socket = createSocket('udp4');
  udp.on('message', (bytes, from) => {
    asked.push(bytes);
    const reply = answering(bytes, 'udp');
    if (reply !== undefined) udp.send(reply, from.port, from.address);
  });
  udp.bind(port, HERE);
  await once(udp, 'listening');
  closers.push(() => {
    tcp.close();
    udp.close();
  });
  return { at: `127.0.0.1:${port}`, asked };
}

function reply(bytes: Buffer, what: Partial<Reply> = {}, limit = 4096): Buffer {
  const query = readQuery(bytes, bytes.length);
  if (query === undefined) throw new Error('no question');
  const out = new Uint8Array(4096);
  const addresses = [{ bytes: Uint8Array.of(192, 0, 2, 1), ttl: 60 }];
  return Buffer.from(
    out.subarray(
      0,
      writeReply(out, bytes, query, { rcode: 0, aa: false, addresses, ...what }, limit),
    ),
  );
}

const data = ({ answers }: ReadAnswer): readonly string[] => answers.map((record) => record.data);

test('names of ours are answered at once, also many in a row', async () => {
  index.setName('h1', 'k', {
    name: 'web',
    network: 'default',
    address: Uint8Array.of(10, 5, 1, 2),
    ttl: 1,
  });
  const answers = await Promise.all(Array.from({ length: 300 }, (_, id) => ask('web', { id })));
  expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 300 }, (_, id) => id));
  expect(answers.every((answer) => data(answer)[0] === '10.5.1.2')).toBe(true);
  expect(server.counts).toMatchObject({ udp: 300, own: 300 });
});

test('another server’s answer is passed on in the asker’s letters, and kept', async () => {
  const other = await upstream((bytes) => reply(bytes));
  forwarder.setServers([other.at]);
  const first = await ask('Example.COM', { id: 7, edns: 1232 });
  expect([first.id, first.questions, data(first)]).toEqual([7, ['Example.COM'], ['192.0.2.1']]);
  expect(first.additional.map(({ type }) => type)).toEqual([41]);
  expect(data(await ask('example.com'))).toEqual(['192.0.2.1']);
  expect(other.asked).toHaveLength(1);
  expect(server.counts).toMatchObject({ forwarded: 1, cached: 1, kept: 1, waiting: 0 });
});

test('questions leave with ids, letters and ports by chance', async () => {
  const other = await upstream((bytes) => reply(bytes, { rcode: RCODE.NXDOMAIN, addresses: [] }));
  forwarder.setServers([other.at]);
  for (let i = 0; i < 20; i++) await ask('some-long-name.example.com', { id: 1 });
  expect(new Set(other.asked.map((bytes) => bytes.readUInt16BE(0))).size).toBeGreaterThan(10);
  expect(new Set(other.asked.map((bytes) => bytes.toString('latin1', 12))).size).toBeGreaterThan(
    10,
  );
});

test('what many ask at once is asked once', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  const socket = createSocket('udp4');
  socket.bind(0, HERE);
  await once(socket, 'listening');
  closers.push(() => socket.close());
  let asked = 0;
  socket.on('message', (bytes, from) => {
    asked++;
    void held.then(() => socket.send(reply(bytes), from.port, from.address));
  });
  forwarder.setServers([`127.0.0.1:${socket.address().port}`]);
  const answers = Promise.all(Array.from({ length: 20 }, (_, id) => ask('example.com', { id })));
  await once(socket, 'message');
  release();
  expect((await answers).every((answer) => data(answer).length === 1)).toBe(true);
  expect(asked).toBe(1);
});

test('a forged answer is not taken', async () => {
  const other = await upstream((bytes) => {
    const forged = reply(bytes, { addresses: [{ bytes: Uint8Array.of(6, 6, 6, 6), ttl: 60 }] });
    forged.writeUInt16BE((forged.readUInt16BE(0) + 1) & 0xffff, 0);
    return forged;
  });
  const honest = await upstream((bytes) => reply(bytes));
  forwarder.setServers([other.at, honest.at]);
  expect(data(await ask('example.com'))).toEqual(['192.0.2.1']);
});

test('one that changes letters is asked again by TCP', async () => {
  const other = await upstream((bytes) => {
    const answer = reply(bytes);
    for (let at = 12; at < 25; at++)
      if ((answer[at] ?? 0) > 63) answer[at] = (answer[at] ?? 0) | 0x20;
    return answer;
  });
  forwarder.setServers([other.at]);
  expect(data(await ask('example.com'))).toEqual(['192.0.2.1']);
});

test('an answer that was cut is asked for by TCP, and cut for who takes less', async () => {
  const addresses = Array.from({ length: 100 }, (_, i) => ({
    bytes: Uint8Array.of(192, 0, 2, i),
    ttl: 9,
  }));
  const other = await upstream((bytes, transport) =>
    reply(bytes, { addresses }, transport === 'udp' ? 512 : 4096),
  );
  forwarder.setServers([other.at]);
  const byUdp = await ask('example.com');
  expect([byUdp.flags.has('tc'), byUdp.answers.length]).toEqual([true, 0]);
  const [byTcp] = await converse([question('example.com')], 1);
  expect(byTcp?.answers).toHaveLength(100);
});

test.each([
  ['refuses', (bytes: Buffer) => reply(bytes, { rcode: RCODE.REFUSED, addresses: [] })],
  ['fails', (bytes: Buffer) => reply(bytes, { rcode: RCODE.SERVFAIL, addresses: [] })],
  ['talks nonsense', (bytes: Buffer) => Buffer.concat([reply(bytes).subarray(0, -3)])],
  ['is silent', () => undefined],
])('where one %s, the next is asked', async (_what, answering) => {
  const bad = await upstream(answering);
  const good = await upstream((bytes) => reply(bytes));
  forwarder.setServers([bad.at, good.at]);
  expect(data(await ask('example.com'))).toEqual(['192.0.2.1']);
});

test('SERVFAIL, where none can tell, and where there is none', async () => {
  const bad = await upstream((bytes) => reply(bytes, { rcode: RCODE.REFUSED, addresses: [] }));
  forwarder.setServers([bad.at, '127.0.0.1:9']);
  expect((await ask('example.com')).rcode).toBe(RCODE.SERVFAIL);
  forwarder.setServers([]);
  expect((await ask('example.com')).rcode).toBe(RCODE.SERVFAIL);
  expect(server.counts).toMatchObject({ failed: 2, waiting: 0 });
});

test('a server to which there is no way is passed over, and so is its end', async () => {
  // connect(2) refuses the broadcast address at once.
  forwarder.setServers(['255.255.255.255:53']);
  expect((await ask('example.com')).rcode).toBe(RCODE.SERVFAIL);
  const { at } = await upstream((bytes) => reply(bytes));
  forwarder.setServers(['255.255.255.255:53', at]);
  expect((await ask('example.com')).rcode).toBe(RCODE.NOERROR);
});

/** Writes the questions on one connection, and reads so many answers. */
async function converse(questions: readonly Buffer[], count: number): Promise<ReadAnswer[]> {
  const socket = connect(PORT, HERE);
  closers.push(() => socket.destroy());
  for (const bytes of questions) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(bytes.length);
    socket.write(Buffer.concat([length, bytes]));
  }
  const answers: ReadAnswer[] = [];
  let received: Buffer = Buffer.alloc(0);
  for await (const chunk of socket) {
    received = Buffer.concat([received, chunk as Buffer]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE()) {
      answers.push(readAnswer(received.subarray(2, 2 + received.readUInt16BE())));
      received = received.subarray(2 + received.readUInt16BE());
    }
    if (answers.length >= count) break;
  }
  return answers;
}

test('questions on one connection are answered as they are ready', async () => {
  index.setName('h1', 'k', {
    name: 'web',
    network: 'default',
    address: Uint8Array.of(10, 5, 1, 2),
    ttl: 1,
  });
  const other = await upstream((bytes) => reply(bytes));
  forwarder.setServers([other.at]);
  const questions = [
    question('example.com', { id: 1 }),
    ...Array.from({ length: 250 }, (_, i) => question('web', { id: i + 2 })),
  ];
  const answers = await converse(questions, 251);
  expect(answers.map(({ id }) => id).toSorted((a, b) => a - b)).toEqual(
    questions.map((_, i) => i + 1),
  );
  expect(answers[0]?.id).toBe(2);
});

test('who may not ask is refused, and by TCP not even heard', async () => {
  server.setListeners([{ ...LISTENER, from: [prefix('10.0.0.0/8')] }]);
  expect((await ask('localhost')).rcode).toBe(RCODE.REFUSED);
  const socket = connect(PORT, HERE).on('error', () => {});
  await once(socket, 'close');
  expect(server.counts).toMatchObject({ tcp: 0, connections: 0 });
});

test('a flood on one connection leaves others their turn', async () => {
  const flood = 20_000;
  const bytes = question('localhost');
  const frame = Buffer.concat([Buffer.from([0, bytes.length]), bytes]);
  const socket = connect(PORT, HERE).on('error', () => {});
  closers.push(() => socket.destroy());
  socket.on('data', () => {});
  socket.write(Buffer.concat(Array<Buffer>(flood).fill(frame)));
  await expect.poll(() => server.counts.tcp, { interval: 1 }).toBeGreaterThan(0);
  for (let i = 0; i < 5; i++) expect((await ask('localhost')).rcode).toBe(RCODE.NOERROR);
  expect(server.counts.tcp).toBeLessThan(flood);
  // And nothing of it is lost.
  await expect.poll(() => server.counts.tcp, { timeout: 20_000 }).toBe(flood);
});

test('some askers that others keep waiting never have all lookups, nor all waiting for one', () => {
  forwarder.setServers(['127.0.0.1:9']);
  const tell = (): void => {};
  const begun = (asker: string, name: string): boolean => {
    const bytes = question(name);
    const query = readQuery(bytes, bytes.length);
    if (query?.kind !== 'query') throw new Error('no question');
    return forwarder.ask(bytes, query, asker, tell);
  };
  for (const asker of ['a', 'b', 'c', 'd', 'e', 'f'])
    for (let i = 0; i < 200; i++) begun(asker, `${asker}${i}.example.com`);
  expect(forwarder.waiting).toBeLessThan(400);
  expect(begun('quiet', 'quiet.example.com')).toBe(true);
  for (const asker of ['a', 'b', 'c', 'd'])
    for (let i = 0; i < 300; i++) begun(asker, 'quiet.example.com');
  expect(begun('other', 'quiet.example.com')).toBe(true);
});

test('from an internal network no question leaves', async () => {
  const other = await upstream((bytes) => reply(bytes));
  forwarder.setServers([other.at]);
  server.setInternal(['default']);
  expect((await ask('example.com')).rcode).toBe(RCODE.REFUSED);
  expect(other.asked).toEqual([]);
});

test('who is in several networks sees the names of all, and may leave by one that is not internal', async () => {
  const other = await upstream((bytes) => reply(bytes));
  forwarder.setServers([other.at]);
  const db = { name: 'db', network: 'back', address: Uint8Array.of(10, 7, 0, 2), ttl: 1 };
  index.setName('h1', 'db', db);
  expect((await ask('db.back')).rcode).toBe(RCODE.NXDOMAIN);
  server.setInternal(['default']);
  server.setMembers(new Map([[address(HERE), ['back', 'default']]]));
  expect(data(await ask('db.back'))).toEqual(['10.7.0.2']);
  expect(data(await ask('db'))).toEqual(['10.7.0.2']);
  expect((await ask('example.com')).rcode).toBe(0);
  server.setMembers(new Map());
  expect((await ask('db')).rcode).not.toBe(0);
  expect((await ask('example.com')).rcode).toBe(RCODE.REFUSED);
});

test('a place that somebody else has is told, and taken when it is free', async () => {
  const taken = createSocket('udp4');
  taken.bind(PORT + 1, HERE);
  await once(taken, 'listening');
  server.setListeners([LISTENER, { ...LISTENER, port: PORT + 1 }]);
  expect(problems).toEqual([
    {
      subject: `127.0.0.1:${PORT + 1}`,
      message: `DNS cannot listen on 127.0.0.1:${PORT + 1} (another server listens there); it is tried again`,
      why: 'another server listens there',
    },
  ]);
  taken.close();
  await expect.poll(() => problems, { timeout: 5_000 }).toEqual([]);
  expect((await ask('localhost', {}, PORT + 1)).rcode).toBe(0);
});

test.each([
  ['with the question', (bytes: Buffer) => reply(bytes, { rcode: RCODE.FORMERR, addresses: [] })],
  [
    'by its header alone',
    (bytes: Buffer) => Buffer.from([...bytes.subarray(0, 2), 0x81, 0x81, 0, 0, 0, 0, 0, 0, 0, 0]),
  ],
])('a server that takes no EDNS, and says so %s, is asked without', async (_, refusal) => {
  const hasEdns = (bytes: Buffer): boolean => bytes.readUInt16BE(10) > 0;
  const old = await upstream((bytes) => (hasEdns(bytes) ? refusal(bytes) : reply(bytes)));
  forwarder.setServers([old.at]);
  expect(data(await ask('example.com'))).toEqual(['192.0.2.1']);
  expect(old.asked.map(hasEdns)).toEqual([true, false]);
  // It is known now.
  expect(data(await ask('www.example.com'))).toEqual(['192.0.2.1']);
  expect(old.asked.map(hasEdns)).toEqual([true, false, false]);
});

test('an error of our own is caught, counted and told, and answered with SERVFAIL', async () => {
  const spy = vi.spyOn(answers, 'answer').mockImplementation(() => {
    throw new RangeError('ours');
  });
  expect((await ask('web')).rcode).toBe(RCODE.SERVFAIL);
  spy.mockRestore();
  expect(broken).toEqual([new RangeError('ours')]);
  expect(server.counts.errors).toBe(1);
  expect((await ask('localhost')).rcode).toBe(RCODE.NOERROR);
});
