/**
 * A machine of the lab: QEMU with Debian's kernel. Its network card is a tap device of the switch's namespace, in which
 * QEMU runs too, so that whatever removes the lab's namespaces ends it as well (traces.ts). Commands go to the agent in
 * it by QEMU's standard input and output, and need no network.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { BootImage } from './boot-image.ts';
import { encodeFrame, FrameReader, KINDS, type StartRequest } from './frames.ts';
import { GuestProgram } from './guest-program.ts';
import { qemuArguments } from './qemu.ts';

export interface MachineOptions {
  readonly name: string;
  /** Under /run/netns. */
  readonly netns: string;
  /** A tap device there, which exists. */
  readonly tap: string;
  readonly mac: string;
  /** Seen by the machine at the same place, and writable by both. */
  readonly share: string;
  /** For its logs. */
  readonly logs: string;
  readonly memoryMb?: number;
  /** It is the first program. */
  readonly systemd?: boolean;
}

/** Generous: emulated, and with others on the same cores. */
const BOOT_LIMIT_MS = 120_000;
/** Of the console, in an error: a panic takes forty. */
const TAIL_LINES = 60;

export class Machine {
  readonly name: string;
  /** What its kernel prints. */
  readonly console: string;
  readonly #qemuLog: string;
  readonly #options: MachineOptions;
  readonly #programs = new Map<number, GuestProgram>();
  #count = 0;
  #qemu: ChildProcess | undefined;
  #gone: Promise<void> = Promise.resolve();
  /** Why no program can be started. */
  #problem: string | undefined;

  constructor(options: MachineOptions) {
    this.name = options.name;
    this.console = join(options.logs, `${options.name}-console.log`);
    this.#qemuLog = join(options.logs, `${options.name}-qemu.log`);
    this.#options = options;
    this.#problem = `${options.name} has not been booted`;
  }

  /** Resolves when its agent takes commands; rejects with the end of its console when it ends before. */
  async boot(image: BootImage): Promise<void> {
    mkdirSync(this.#options.logs, { recursive: true });
    const log = openSync(this.#qemuLog, 'a');
    const [command, ...args] = qemuArguments(this.#options, image, this.console);
    const qemu = spawn(command, args, { stdio: ['pipe', 'pipe', log], detached: true });
    closeSync(log);
    this.#qemu = qemu;
    this.#problem = undefined;
    let ready: () => void;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    const reader = new FrameReader();
    qemu.stdout?.on('data', (bytes: Buffer) => {
      for (const frame of reader.push(bytes))
        if (frame.kind === KINDS.ready) ready();
        else if (this.#programs.get(frame.program)?.take(frame) === true)
          this.#programs.delete(frame.program);
    });
    // What is written to a machine that ends is lost.
    qemu.stdin?.on('error', () => undefined);
    this.#gone = new Promise((resolve) => {
      const end = (why: string) => resolve(this.#end(why));
      qemu.on('error', (error) => end(error.message));
      qemu.on('close', (code, signal) => end(signal ?? `code ${code}`));
    });
    const late = setTimeout(() => this.#fail('it did not boot in time'), BOOT_LIMIT_MS);
    await Promise.race([isReady, this.#gone]);
    clearTimeout(late);
    if (this.#problem !== undefined) throw new Error(this.#problem);
  }

  /** True between `boot` and its end. */
  get runs(): boolean {
    return this.#problem === undefined;
  }

  get pid(): number {
    return this.#qemu?.pid ?? 0;
  }

  /** Starts the program. When the machine ends, all its programs end with an error that says so. */
  start(request: StartRequest): GuestProgram {
    const id = ++this.#count;
    const program = new GuestProgram(id, (bytes) => this.#send(bytes));
    if (this.#problem !== undefined) {
      const error = new Error(this.#problem);
      queueMicrotask(() => program.fail(error));
      return program;
    }
    this.#programs.set(id, program);
    this.#send(encodeFrame(KINDS.start, id, request));
    return program;
  }

  /** Puts all that its kernel said beside the console's log, which has only warnings and worse. */
  async writeKernelLog(): Promise<void> {
    if (!this.runs) return;
    const program = this.start({ command: 'dmesg', args: [], env: process.env, input: false });
    program.stderr.resume();
    const log = createWriteStream(join(this.#options.logs, `${this.name}-dmesg.log`));
    await pipeline(program.stdout, log);
  }

  /** As if the power were cut. Resolves when it is gone. */
  async cutPower(): Promise<void> {
    this.#fail('its power was cut');
    await this.#gone;
  }

  #send(bytes: Buffer): void {
    if (this.#qemu?.stdin?.writable === true) this.#qemu.stdin.write(bytes);
  }

  #fail(why: string): void {
    if (this.#problem !== undefined) return;
    this.#problem = this.#obituary(why);
    this.#qemu?.kill('SIGKILL');
  }

  #end(how: string): void {
    this.#problem ??= this.#obituary(`QEMU ended with ${how}`);
    const error = new Error(this.#problem);
    for (const program of this.#programs.values()) program.fail(error);
    this.#programs.clear();
  }

  #obituary(why: string): string {
    const lines = [this.#qemuLog, this.console].flatMap((file) =>
      existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split(/\r?\n/) : [],
    );
    return [`the machine ${this.name} is gone: ${why}`, ...lines.slice(-TAIL_LINES)].join('\n');
  }
}
