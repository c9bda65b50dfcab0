/** Runs a node: gives it the time, wakes it when it is due, and tells its events after each input. */
import type { GossipNode, NodeEvent } from '../node.ts';

/** In ms: the longest that Node's timers take. */
const TIMER_LIMIT = 2 ** 31 - 1;

export interface RunnerOptions {
  /** In ms, on a clock that never goes back. */
  readonly now: () => number;
  /** Hands in what has arrived: before any deadline is acted upon, it is read. */
  readonly flush: () => void;
  /** Never from within an input. */
  readonly tell: (event: NodeEvent) => void;
}

export class Runner {
  readonly #options: RunnerOptions;
  #node: GossipNode | undefined;
  #events: NodeEvent[] = [];
  #isTelling = false;
  #timer: NodeJS.Timeout | undefined;
  #tick: NodeJS.Immediate | undefined;
  /** Infinity: no timer is set. */
  #armedFor = Infinity;
  #isStopped = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  get node(): GossipNode | undefined {
    return this.#node;
  }

  /** Notify of the node. */
  readonly notify = (event: NodeEvent): void => {
    this.#events.push(event);
  };

  start(node: GossipNode): void {
    this.#node = node;
    this.input(node, (now) => node.start(now));
  }

  /** Any input or command: `run` gets the time. What it throws passes. */
  input<T>(node: GossipNode, run: (now: number) => T): T {
    try {
      return run(this.#options.now());
    } finally {
      this.#settle(node);
    }
  }

  /** The node gets no more time, and nothing more is told. */
  stop(): void {
    this.#isStopped = true;
    this.#events = [];
    clearTimeout(this.#timer);
    clearImmediate(this.#tick);
  }

  #settle(node: GossipNode): void {
    if (this.#isStopped) return;
    if (this.#events.length > 0 && !this.#isTelling) {
      this.#isTelling = true;
      queueMicrotask(() => this.#tell());
    }
    this.#arm(node);
  }

  #tell(): void {
    this.#isTelling = false;
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#options.tell(event);
  }

  #arm(node: GossipNode): void {
    const { due } = node;
    if (due === this.#armedFor) return;
    clearTimeout(this.#timer);
    this.#armedFor = due;
    if (due === Infinity) return;
    const wait = Math.max(0, Math.ceil(due - this.#options.now()));
    this.#timer = setTimeout(() => this.#wake(node), Math.min(wait, TIMER_LIMIT));
  }

  /** Sockets have their turn before: what is late may be answered already. */
  #wake(node: GossipNode): void {
    this.#tick = setImmediate(() => {
      this.#options.flush();
      this.#armedFor = Infinity;
      this.input(node, (now) => node.tick(now));
    });
  }
}
