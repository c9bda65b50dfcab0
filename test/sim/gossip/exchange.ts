/** One connection: a handshake, a message, and perhaps an answer; TCP sends again what is lost, until the time is over. */
import type { StreamMessage } from '../../../controlplane/gossip/codec/index.ts';
import type { Dial, Endpoint } from '../../../controlplane/gossip/effects.ts';
import type { Host, Program } from './host.ts';
import type { Network } from './network.ts';

/** Linux' TCP: the first repetition of a SYN, and of data; each further one after twice the time. */
const SYN_TIMEOUT = 1_000;
const DATA_TIMEOUT = 200;
const SEGMENT = 1_448;
const EPHEMERAL_PORT = 49_152;

export class Exchange {
  readonly #network: Network;
  readonly #from: Host;
  readonly #to: Host | undefined;
  readonly #dial: Dial;
  readonly #dialler: number;
  readonly #deadline: number;
  /** The program that accepted. */
  #acceptor = 0;
  #isOver = false;

  constructor(network: Network, from: Host, dial: Dial) {
    this.#network = network;
    this.#from = from;
    this.#to = network.find(dial.to);
    this.#dial = dial;
    this.#dialler = from.run;
    this.#deadline = from.clock.when(from.now + dial.timeout);
  }

  start(): void {
    this.#after(this.#deadline - this.#network.events.now, () => this.#fail('timed out'));
    this.#connect(SYN_TIMEOUT);
  }

  #connect(patience: number): void {
    const to = this.#to;
    if (to === undefined || !this.#isWanted()) return;
    const network = this.#network;
    if (!network.passes(this.#from, to) || !network.passes(to, this.#from) || to.isFrozen) {
      this.#after(patience, () => this.#connect(2 * patience));
      return;
    }
    const roundTrip = network.delay() + network.delay();
    if (!to.isRunning) this.#after(roundTrip, () => this.#fail('connection refused'));
    else this.#after(roundTrip, () => this.#connected(to));
  }

  #connected(to: Host): void {
    if (!this.#isWanted()) return;
    this.#acceptor = to.run;
    const { message, answer } = this.#dial;
    if (!answer) this.#finish((program, now) => program.answered(now, this.#dial.id, undefined));
    const bytes = this.#network.countStream(this.#from, message);
    this.#transmit(this.#from, to, bytes, DATA_TIMEOUT, () => this.#request(to));
  }

  #request(to: Host): void {
    if (!to.isRunning || to.run !== this.#acceptor) return this.#fail('connection reset');
    to.receive({
      bytes: 0,
      handle: (program, now) => {
        const source: Endpoint = { addr: this.#from.endpoint.addr, port: EPHEMERAL_PORT };
        const answer = program.request(now, source, this.#dial.message);
        if (this.#dial.answer) this.#answer(to, answer);
      },
    });
  }

  #answer(to: Host, answer: StreamMessage | undefined): void {
    if (!this.#isWanted()) return;
    if (answer === undefined) {
      this.#after(this.#network.delay(), () => this.#fail('closed without an answer'));
      return;
    }
    const bytes = this.#network.countStream(to, answer);
    this.#transmit(to, this.#from, bytes, DATA_TIMEOUT, () =>
      this.#finish((program, now) => program.answered(now, this.#dial.id, answer)),
    );
  }

  /** Goes on also when the dialler has given up: what was written is in the kernel. It ends with the connection. */
  #transmit(from: Host, to: Host, bytes: number, patience: number, done: () => void): void {
    const network = this.#network;
    const { now } = network.events;
    if (!from.isMachineUp || !to.isMachineUp || now > this.#deadline + this.#dial.timeout) return;
    if (network.isCut(from, to) || network.isCut(to, from)) {
      this.#after(patience, () => this.#transmit(from, to, bytes, 2 * patience, done));
      return;
    }
    const loss = network.lossBetween(from, to);
    const rounds = network.rounds(Math.ceil(bytes / SEGMENT), loss);
    this.#after(network.delay() + (rounds - 1) * DATA_TIMEOUT, done);
  }

  #fail(problem: string): void {
    this.#finish((program, now) => program.failed(now, this.#dial.id, problem));
  }

  #finish(handle: (program: Program, now: number) => void): void {
    if (!this.#isWanted()) return;
    this.#isOver = true;
    this.#from.receive({ bytes: 0, handle });
  }

  /** The dialler waits for it still. */
  #isWanted(): boolean {
    return !this.#isOver && this.#from.isRunning && this.#from.run === this.#dialler;
  }

  #after(delay: number, run: () => void): void {
    const { events } = this.#network;
    events.at(events.now + delay, run);
  }
}
