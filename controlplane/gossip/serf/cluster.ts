/** Several members of the Serf layer on a network in memory, for tests: one clock, one chance, packets as on the wire. */
import {
  decodePacket,
  encodePacket,
  type Keyring,
  type StreamMessage,
  type Tags,
} from '../codec/index.ts';
import type { Dial, Effect, Endpoint, SendPacket } from '../effects.ts';
import type { Random } from '../random.ts';
import { LAN } from '../swim/index.ts';
import { Timers } from '../timers.ts';
import { endpointKey } from './addresses.ts';
import type { SerfEvent } from './face.ts';
import type { SerfOptions } from './options.ts';
import { Serf } from './serf.ts';
import { pass, seeded } from './testing.ts';

/** From one to another, in ms. */
const DELAY = 1;
const NO_LABEL = new Uint8Array(0);

export interface TestNode {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly serf: Serf;
  readonly told: SerfEvent[];
  /** Neither hears nor says anything. */
  stopped: boolean;
}

export class Cluster {
  readonly timers = new Timers(0);
  readonly random: Random;
  readonly nodes: TestNode[] = [];
  /** Whether one reaches another; all do at first. */
  reaches: (from: TestNode, to: TestNode) => boolean = () => true;
  /** Share of packets that are lost, and that come twice. */
  loss = 0;
  twice = 0;
  readonly #byEndpoint = new Map<string, TestNode>();

  constructor(seed: number) {
    this.random = seeded(seed);
  }

  /** A member, started; `at` gives it an endpoint of its own. */
  add(name: string, options: Partial<SerfOptions> & { at?: number } = {}): TestNode {
    const at = options.at ?? this.nodes.length + 1;
    const endpoint = { addr: Uint8Array.of(10, 0, at >> 8, at & 0xff), port: 7946 };
    const told: SerfEvent[] = [];
    const tags: Tags = new Map();
    const keyring: Keyring = [];
    const serf = new Serf({
      name,
      advertise: endpoint,
      tags,
      settings: LAN,
      label: NO_LABEL,
      keyring,
      random: this.random,
      timers: this.timers,
      emit: (effect) => this.#carry(node, effect),
      notify: (event) => told.push(event),
      ...options,
    });
    const node: TestNode = { name, endpoint, serf, told, stopped: false };
    this.nodes.push(node);
    this.#byEndpoint.set(endpointKey(endpoint), node);
    serf.start();
    return node;
  }

  /** So many members n1, n2, …, joined at the first, who all know each other. */
  grow(count: number, options: Partial<SerfOptions> = {}): TestNode[] {
    const nodes = Array.from({ length: count }, (_, i) => this.add(`n${i + 1}`, options));
    for (const { serf } of nodes.slice(1)) serf.join([(nodes[0] as TestNode).endpoint], () => {});
    this.until(() => nodes.every(({ serf }) => serf.members().length === count));
    return nodes;
  }

  pass(time: number): void {
    pass(this.timers, time);
  }

  /** Throws when it does not come to that within `time` ms; returns how long it took. */
  until(condition: () => boolean, time = 60_000): number {
    const start = this.timers.now;
    if (pass(this.timers, time, condition)) throw new Error(`not within ${time} ms`);
    return this.timers.now - start;
  }

  #carry(from: TestNode, effect: Effect): void {
    if (from.stopped) return;
    if (effect.kind === 'packet') this.#send(from, effect);
    else this.#dial(from, effect);
  }

  #find(from: TestNode, endpoint: Endpoint): TestNode | undefined {
    const to = this.#byEndpoint.get(endpointKey(endpoint));
    return to !== undefined && !to.stopped && this.reaches(from, to) ? to : undefined;
  }

  #send(from: TestNode, { to: endpoint, parts, crc }: SendPacket): void {
    const packet = encodePacket(parts, {
      label: NO_LABEL,
      keyring: from.serf.keyring,
      nonce: () => Uint8Array.from({ length: 12 }, () => this.random() * 256),
      compress: false,
      crc,
    });
    const to = this.#find(from, endpoint);
    if (to === undefined) return;
    const times = (this.random() < this.loss ? 0 : 1) + (this.random() < this.twice ? 1 : 0);
    for (let i = 0; i < times; i++)
      this.timers.after(DELAY * (0.5 + this.random()), () => this.#deliver(from, to, packet));
  }

  #deliver(from: TestNode, to: TestNode, packet: Uint8Array): void {
    if (to.stopped) return;
    const { messages } = decodePacket(packet, { label: NO_LABEL, keyring: to.serf.keyring });
    for (const message of messages) to.serf.swim.packet(from.endpoint, message);
  }

  #dial(from: TestNode, { id, to: endpoint, message, answer, timeout }: Dial): void {
    const fail = (after: number): void =>
      void this.timers.after(after, () => from.serf.swim.failed(id, 'no answer'));
    if (this.#find(from, endpoint) === undefined) {
      fail(timeout);
      return;
    }
    this.timers.after(2 * DELAY, () => {
      const to = this.#find(from, endpoint);
      if (to === undefined || !understands(from.serf.keyring, to.serf.keyring)) {
        fail(DELAY);
        return;
      }
      const reply: StreamMessage | undefined = to.serf.swim.request(from.endpoint, message);
      this.timers.after(DELAY, () => from.serf.swim.answered(id, answer ? reply : undefined));
    });
  }
}

/** Whether what one encrypts can be read by another. */
function understands([primary]: Keyring, keyring: Keyring): boolean {
  if (primary === undefined) return keyring.length === 0;
  return keyring.some((key) => Buffer.compare(key, primary) === 0);
}
