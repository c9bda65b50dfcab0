/** Pings that we send for others (specification §6.5). */
import { NIL_BYTES, type Message } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Timer } from '../timers.ts';
import { sourceFields, sourceOf, type Core } from './core.ts';
import { isAddress } from './members.ts';

type IndirectPing = Extract<Message, { kind: 'indirectPing' }>;

/** Under way. At the bound further ones are ignored: whoever asks takes it for a lost packet. */
const LIMIT = 1_024;
/**
 * Share of the time for an answer after which we say that there is none yet (Lifeguard's; memberlist waits for all of
 * it, which is when whoever asks judges): in time to count. An answer that comes later is passed on all the same.
 */
const NACK_AFTER = 0.8;

interface Relay {
  readonly seqNo: number;
  readonly to: Endpoint;
  readonly asker: string;
  timer: Timer;
}

export class Relays {
  readonly #core: Core;
  /** By our own number. */
  readonly #relays = new Map<number, Relay>();

  constructor(core: Core) {
    this.#core = core;
  }

  ping(request: IndirectPing, from: Endpoint): void {
    const { outbox, self, settings, table, timers, counts } = this.#core;
    const { node, target: addr } = request;
    if (!isAddress(addr) || this.#relays.size >= LIMIT) return void counts.ignored++;
    const seqNo = this.#core.nextSeqNo();
    const nackAfter = NACK_AFTER * settings.probeTimeout;
    const timer = timers.after(nackAfter, () => {
      relay.timer = timers.after(settings.probeTimeout - nackAfter, () => this.#take(seqNo));
      if (request.nack) this.#answer(relay, { kind: 'nack', seqNo: relay.seqNo });
    });
    const to = sourceOf(request, from);
    const relay: Relay = { seqNo: request.seqNo, to, asker: request.sourceNode, timer };
    this.#relays.set(seqNo, relay);
    const target = { addr, port: request.port === 0 ? self.port : request.port };
    outbox.send(target, { kind: 'ping', seqNo, node, ...sourceFields(self) }, table.get(node));
  }

  ack(number: number): void {
    const relay = this.#take(number);
    if (relay === undefined) return;
    relay.timer.cancel();
    this.#answer(relay, { kind: 'ack', seqNo: relay.seqNo, payload: NIL_BYTES });
  }

  /** Without an answer. */
  abandon(): void {
    for (const { timer } of this.#relays.values()) timer.cancel();
    this.#relays.clear();
  }

  #take(number: number): Relay | undefined {
    const relay = this.#relays.get(number);
    this.#relays.delete(number);
    return relay;
  }

  #answer({ to, asker }: Relay, message: Message): void {
    this.#core.outbox.send(to, message, this.#core.table.get(asker));
  }
}
