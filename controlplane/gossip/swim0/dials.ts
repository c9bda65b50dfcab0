/** Our own exchanges by stream: each is asked of the shell as an effect, and comes back once. */
import type { StreamMessage } from '../codec/index.ts';
import type { Emit, Endpoint } from '../effects.ts';

/** At once. Each takes a socket; more than these would rather be a fault than a need. */
const DIALS_LIMIT = 128;

/** The answer if there is one, or why there is none. */
export interface Outcome {
  readonly message?: StreamMessage | undefined;
  readonly problem?: string;
}

type Done = (outcome: Outcome) => void;

export class Dials {
  readonly #emit: Emit;
  readonly #waiting = new Map<number, Done>();
  #lastId = 0;

  constructor(emit: Emit) {
    this.#emit = emit;
  }

  /** Sends and waits for an answer. `timeout` in ms. */
  ask(to: Endpoint, message: StreamMessage, timeout: number, done: Done): void {
    this.#dial({ to, message, timeout, answer: true }, done);
  }

  /** Sends. */
  tell(to: Endpoint, message: StreamMessage, timeout: number, done: Done): void {
    this.#dial({ to, message, timeout, answer: false }, done);
  }

  settle(id: number, outcome: Outcome): void {
    const done = this.#waiting.get(id);
    this.#waiting.delete(id);
    done?.(outcome);
  }

  #dial(
    dial: { to: Endpoint; message: StreamMessage; timeout: number; answer: boolean },
    done: Done,
  ): void {
    if (this.#waiting.size >= DIALS_LIMIT) {
      done({ problem: `${DIALS_LIMIT} connections are under way already` });
      return;
    }
    const id = ++this.#lastId;
    this.#waiting.set(id, done);
    this.#emit({ kind: 'dial', id, ...dial });
  }
}
