/** Pings for others (§6.5): the one who asks hears whether the target answered us. */
import { NIL_BYTES, type Message } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Timer } from '../timers.ts';
import { isAddress } from './address.ts';
import type { Context } from './context.ts';
import type { Outbox } from './outbox.ts';
import { sourceOf } from './prober.ts';

type IndirectPing = Extract<Message, { kind: 'indirectPing' }>;

/** At once; further ones are not served, and whoever asks asks others too. */
const RELAYS_LIMIT = 1_024;

interface Relay {
  readonly requester: Endpoint;
  readonly seqNo: number;
  readonly timer: Timer;
}

export class Relays {
  readonly #context: Context;
  readonly #outbox: Outbox;
  readonly #relays = new Map<number, Relay>();

  constructor(context: Context, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** `ownSeqNo`: a fresh one of ours. */
  ping(message: IndirectPing, requester: Endpoint, ownSeqNo: number): void {
    const { timers, settings, self, members } = this.#context;
    const { seqNo, node, target: addr, nack } = message;
    if (this.#relays.size >= RELAYS_LIMIT || !isAddress(addr)) return;
    const port = message.port === 0 ? self.port : message.port;
    const timer = timers.after(settings.probeTimeout, () => {
      this.#relays.delete(ownSeqNo);
      if (nack) this.#outbox.direct(requester, { kind: 'nack', seqNo }, undefined);
    });
    this.#relays.set(ownSeqNo, { requester, seqNo, timer });
    const ping: Message = { kind: 'ping', seqNo: ownSeqNo, node, ...sourceOf(self) };
    this.#outbox.direct({ addr, port }, ping, members.get(node));
  }

  /** Whether the answer was to one of these. */
  ack(ownSeqNo: number): boolean {
    const relay = this.#relays.get(ownSeqNo);
    if (relay === undefined) return false;
    relay.timer.cancel();
    this.#relays.delete(ownSeqNo);
    const { requester, seqNo } = relay;
    this.#outbox.direct(requester, { kind: 'ack', seqNo, payload: NIL_BYTES }, undefined);
    return true;
  }

  abandon(): void {
    for (const { timer } of this.#relays.values()) timer.cancel();
    this.#relays.clear();
  }
}
