/** A program in a machine, with the face of a child process of Node. */
import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import type { Program } from '../child.ts';
import {
  encodeFrame,
  jsonOf,
  KINDS,
  type EndReport,
  type Frame,
  type RefusalReport,
} from './frames.ts';

export class GuestProgram extends EventEmitter implements Program {
  pid: number | undefined;
  readonly stdin: Writable;
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly #id: number;
  readonly #send: (bytes: Buffer) => void;

  constructor(id: number, send: (bytes: Buffer) => void) {
    super();
    this.#id = id;
    this.#send = send;
    this.stdin = new Writable({
      write: (bytes: Buffer, _, done) => {
        send(encodeFrame(KINDS.input, id, bytes));
        done();
      },
      final: (done) => {
        send(encodeFrame(KINDS.inputEnd, id));
        done();
      },
    });
  }

  kill(signal: NodeJS.Signals): boolean {
    this.#send(encodeFrame(KINDS.signal, this.#id, Buffer.from(signal)));
    return true;
  }

  /** Takes what the agent says of it; true when that was the last. */
  take(frame: Frame): boolean {
    switch (frame.kind) {
      case KINDS.started:
        this.pid = (jsonOf(frame) as { pid: number }).pid;
        this.emit('spawn');
        return false;
      case KINDS.stdout:
        this.stdout.write(frame.payload);
        return false;
      case KINDS.stderr:
        this.stderr.write(frame.payload);
        return false;
      case KINDS.ended: {
        const { code, signal } = jsonOf(frame) as EndReport;
        this.#close(code, signal);
        return true;
      }
      case KINDS.refused: {
        const { code, message } = jsonOf(frame) as RefusalReport;
        this.fail(Object.assign(new Error(message), { code }));
        return true;
      }
      default:
        throw new Error(`the agent sent a frame of kind ${frame.kind}`);
    }
  }

  /** It could not be started, or its machine has ended. */
  fail(error: Error): void {
    this.emit('error', error);
    this.#close(null, 'SIGKILL');
  }

  /** As with a child process: `close` comes when all output was read. */
  #close(code: number | null, signal: NodeJS.Signals | null): void {
    let open = 2;
    const one = () => {
      if (--open === 0) this.emit('close', code, signal);
    };
    for (const stream of [this.stdout, this.stderr]) {
      stream.on('end', one);
      stream.end();
    }
  }
}
