import { expect, test } from 'vitest';
import {
  encodeMessage,
  encodeStream,
  type Message,
  type StreamMessage,
} from '../../../controlplane/gossip/codec/index.ts';
import type { Endpoint } from '../../../controlplane/gossip/effects.ts';
import { HostClock } from './clock.ts';
import { EventQueue } from './events.ts';
import { Host, type Program } from './host.ts';
import { CALM, Network } from './network.ts';
import { stream } from './random.ts';
import { streamBytes } from './sizes.ts';

/** Writes down what it gets, and ticks when it is told to. */
class Recorder implements Program {
  due = Infinity;
  readonly seen: string[] = [];

  tick(now: number): void {
    this.due = Infinity;
    this.seen.push(`${now} tick`);
  }

  packet(_now: number, _from: Endpoint, message: Message): void {
    this.seen.push(message.kind === 'suspect' ? message.node : message.kind);
  }

  request(_now: number, _from: Endpoint, message: StreamMessage): StreamMessage {
    this.seen.push(`request ${message.kind}`);
    return { kind: 'err', error: 'no' };
  }

  answered(now: number, id: number, message: StreamMessage | undefined): void {
    this.seen.push(`${Math.round(now)} answer ${id} ${message?.kind ?? 'nothing'}`);
  }

  failed(now: number, id: number, problem: string): void {
    this.seen.push(`${Math.round(now)} ${id} ${problem}`);
  }
}

function setUp(seed = 1) {
  const events = new EventQueue();
  const network = new Network(events, stream(seed, 'network'));
  const hosts = [0, 1, 2].map((index) => {
    const endpoint = { addr: Uint8Array.of(10, 0, 0, index), port: 7946 };
    const clock = new HostClock(0, 1);
    const host = new Host({ index, name: `n${index}`, endpoint, clock, events });
    network.add(host);
    return host;
  }) as [Host, Host, Host];
  const programs = hosts.map((host) => {
    const program = new Recorder();
    host.start(program);
    return program;
  }) as [Recorder, Recorder, Recorder];
  const say = (from: Host, to: Host, ...words: string[]): void => {
    const parts = words.map((node) =>
      encodeMessage({ kind: 'suspect', incarnation: 1, node, from: 'x' }),
    );
    network.emit(from, { kind: 'packet', to: to.endpoint, parts, crc: true });
  };
  const dial = (from: Host, to: Host, answer = true): void =>
    network.emit(from, {
      kind: 'dial',
      id: 7,
      to: to.endpoint,
      message: { kind: 'user', payload: Uint8Array.of(1) },
      answer,
      timeout: 10_000,
    });
  return { events, network, hosts, programs, say, dial };
}

test('a packet comes to whom it was sent, message by message', () => {
  const { events, hosts, programs, say } = setUp();
  say(hosts[0], hosts[1], 'a', 'b');
  events.run(100);
  expect(programs.map(({ seen }) => seen)).toEqual([[], ['a', 'b'], []]);
});

test('of many packets that share is lost, doubled and overtaken', () => {
  const { events, network, hosts, programs, say } = setUp();
  network.conditions = { ...CALM, loss: 0.3, duplication: 0.1, reordering: 0.2, holdUp: 50 };
  const count = 10_000;
  for (let number = 0; number < count; number++)
    events.at(number, () => say(hosts[0], hosts[1], String(number)));
  events.run(count + 1_000);
  const seen = programs[1].seen.map(Number);
  const overtaken = seen.filter(
    (number, at) => number < Math.max(...seen.slice(Math.max(0, at - 60), at)),
  );
  expect(new Set(seen).size / count).toBeCloseTo(0.7, 1);
  expect(seen.length / new Set(seen).size).toBeCloseTo(1.1, 1);
  expect(overtaken.length / seen.length).toBeGreaterThan(0.15);
});

test('a seed brings about the same again, and another seed something else', () => {
  const run = (seed: number): string => {
    const { events, network, hosts, programs, say } = setUp(seed);
    network.conditions = { ...CALM, delay: 5, jitter: 50, loss: 0.2, duplication: 0.2 };
    for (let number = 0; number < 100; number++) say(hosts[0], hosts[1], String(number));
    events.run(10_000);
    return programs[1].seen.join();
  };
  expect(run(1)).toBe(run(1));
  expect(run(1)).not.toBe(run(2));
});

test('a cut closes one direction', () => {
  const { events, network, hosts, programs, say } = setUp();
  network.cuts.add({ blocks: (from, to) => from === hosts[0] && to === hosts[1] });
  say(hosts[0], hosts[1], 'lost');
  say(hosts[1], hosts[0], 'back');
  say(hosts[0], hosts[2], 'aside');
  events.run(100);
  expect(programs.map(({ seen }) => seen)).toEqual([['back'], [], ['aside']]);
});

test('a packet over the bound is a fault of whoever sends it', () => {
  const { network, hosts } = setUp();
  const parts = [new Uint8Array(1_398)];
  const send = (crc: boolean) => () =>
    network.emit(hosts[0], { kind: 'packet', to: hosts[1].endpoint, parts, crc });
  parts.push(new Uint8Array(1));
  expect(send(true)).toThrow('1410 bytes');
});

test('a stopped program reads everything when it goes on, and no more than its socket keeps', () => {
  const { events, hosts, programs, say } = setUp();
  hosts[1].stop(5_000, { machine: false });
  programs[1].due = 1_000;
  hosts[1].schedule();
  for (let number = 0; number < 1_000; number++) say(hosts[0], hosts[1], 'x');
  events.run(4_999);
  expect(programs[1].seen).toEqual([]);
  events.run(5_000);
  expect(programs[1].seen[0]).toBe('5000 tick');
  expect(programs[1].seen.length).toBeGreaterThan(200);
  expect(programs[1].seen.length).toBeLessThan(300);
});

test('the clock of a stopped machine stands still, and its ticks wait', () => {
  const { events, hosts, programs } = setUp();
  programs[1].due = 1_000;
  hosts[1].schedule();
  hosts[1].stop(5_000, { machine: true });
  events.run(5_999);
  expect(programs[1].seen).toEqual([]);
  events.run(6_000);
  expect(programs[1].seen).toEqual(['1000 tick']);
});

test('a slow host takes a turn for all that came meanwhile', () => {
  const { events, hosts, programs, say } = setUp();
  hosts[1].turn = 100;
  events.at(0, () => say(hosts[0], hosts[1], 'a'));
  events.at(50, () => say(hosts[0], hosts[1], 'b'));
  events.at(60, () => say(hosts[0], hosts[1], 'c'));
  events.run(90);
  expect(programs[1].seen).toEqual(['a']);
  events.run(110);
  expect(programs[1].seen).toEqual(['a', 'b', 'c']);
});

test('a fast clock ticks early', () => {
  const events = new EventQueue();
  const endpoint = { addr: Uint8Array.of(10, 0, 0, 0), port: 7946 };
  const clock = new HostClock(100, 1.25);
  const host = new Host({ index: 0, name: 'n0', endpoint, clock, events });
  const program = new Recorder();
  program.due = 1_100;
  host.start(program);
  events.run(799);
  expect(program.seen).toEqual([]);
  events.run(801);
  expect(program.seen).toEqual(['1100 tick']);
});

test('a stream is answered', () => {
  const { events, hosts, programs, dial } = setUp();
  dial(hosts[0], hosts[1]);
  events.run(10_000);
  expect(programs[1].seen).toEqual(['request user']);
  expect(programs[0].seen).toEqual(['1 answer 7 err']);
});

test('a stream without an answer is done when it is written', () => {
  const { events, hosts, programs, dial } = setUp();
  hosts[1].stop(5_000, { machine: false });
  dial(hosts[0], hosts[1], false);
  events.run(4_000);
  expect(programs[0].seen).toEqual(['0 answer 7 nothing']);
  expect(programs[1].seen).toEqual([]);
  events.run(5_000);
  expect(programs[1].seen).toEqual(['request user']);
});

test('a connection is refused where no program listens, and times out where there is nobody', () => {
  const { events, hosts, programs, dial } = setUp();
  hosts[1].kill();
  dial(hosts[0], hosts[1]);
  hosts[2].isMachineUp = false;
  dial(hosts[0], hosts[2]);
  events.run(10_000);
  expect(programs[0].seen).toEqual(['0 7 connection refused', '10000 7 timed out']);
});

test('a stopped program does not answer in time, and reads what was sent all the same', () => {
  const { events, hosts, programs, dial } = setUp();
  hosts[1].stop(12_000, { machine: false });
  dial(hosts[0], hosts[1]);
  events.run(20_000);
  expect(programs[0].seen).toEqual(['10000 7 timed out']);
  expect(programs[1].seen).toEqual(['request user']);
});

test('a stream waits for the end of a cut, and fails at its timeout', () => {
  const { events, network, hosts, programs, dial } = setUp();
  const cut = { blocks: (from: Host, to: Host) => from === hosts[1] && to === hosts[0] };
  network.cuts.add(cut);
  dial(hosts[0], hosts[1]);
  events.run(2_500);
  network.cuts.delete(cut);
  events.run(5_000);
  network.cuts.add(cut);
  dial(hosts[0], hosts[1]);
  events.run(30_000);
  expect(programs[0].seen).toEqual(['3001 answer 7 err', '15000 7 timed out']);
});

test('what is started anew hears nothing of the former', () => {
  const { events, hosts, dial } = setUp();
  dial(hosts[0], hosts[1]);
  const next = new Recorder();
  hosts[0].start(next);
  events.run(20_000);
  expect(next.seen).toEqual([]);
});

test('the reckoned size of a stream is not below that of its bytes', () => {
  const message: StreamMessage = {
    kind: 'pushPull',
    join: true,
    userState: new Uint8Array(100),
    nodes: Array.from({ length: 100 }, (_, index) => ({
      name: `n${index}`,
      addr: Uint8Array.of(10, 0, 0, index),
      port: 7946,
      meta: new Uint8Array(40),
      incarnation: 1 + index,
      state: 0,
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    })),
  };
  const { length } = encodeStream(message, {
    label: new Uint8Array(),
    keyring: [],
    nonce: () => new Uint8Array(12),
    compress: false,
    sender: 'dialler',
  });
  expect(streamBytes(message)).toBeGreaterThanOrEqual(length);
  expect(streamBytes(message)).toBeLessThan(1.2 * length);
});
