/** The built daemon in a host's namespace. */
import { fileURLToPath } from 'node:url';
import type { Child, Ended } from './child.ts';
import type { Host } from './host.ts';

export const WEFTD = fileURLToPath(new URL('../../dist/bin/weftd.cjs', import.meta.url));
export const WEFT = fileURLToPath(new URL('../../dist/bin/weft.cjs', import.meta.url));

/** How long a start may take when nothing stands in its way. */
const READY_LIMIT_MS = 20_000;

export interface WeftdOptions {
  readonly env?: Readonly<Record<string, string>>;
}

/** A line of its log, as pino writes it. */
export interface LogEntry {
  readonly level: 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly msg: string;
  readonly [field: string]: unknown;
}

export class Weftd {
  readonly host: Host;
  readonly #child: Child;

  constructor(host: Host, flags: readonly string[], options: WeftdOptions) {
    this.host = host;
    // By its first line, as users start it: Node's flags stand there.
    this.#child = host.spawn(...host.amongSockets(WEFTD, flags), options);
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves when it is gone; rejects never. */
  get ended(): Promise<Ended> {
    return this.#child.ended;
  }

  /** Undefined while it runs. */
  get result(): Ended | undefined {
    return this.#child.result;
  }

  /** All it wrote, in order: the log, and what was meant for people. */
  logLines(): readonly string[] {
    return this.#child.lines;
  }

  /** The lines that are JSON. */
  log(): LogEntry[] {
    return this.#child.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogEntry);
  }

  /** Resolves when /readyz says 200: the first complete set of peers is in the kernel. Needs the health port. */
  async waitReady(within = READY_LIMIT_MS): Promise<this> {
    await this.#child.untilOr(() => this.host.httpGet('/readyz').then(() => true), {
      within: within * this.host.ground.patience,
      what: `weftd on ${this.host.name} is ready`,
    });
    return this;
  }

  /** Resolves with the first log line, past or to come, that matches. */
  waitForLog(pattern: RegExp, within?: number): Promise<string> {
    return this.#child.waitForLine(pattern, within);
  }

  /** SIGTERM, and SIGKILL ten seconds later. */
  stop(): Promise<Ended> {
    return this.#child.stop();
  }

  /** Resolves when it is gone. */
  kill(signal: NodeJS.Signals): Promise<Ended> {
    return this.#child.stop(signal);
  }
}
