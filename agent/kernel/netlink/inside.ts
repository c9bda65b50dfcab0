/** One end of a veth pair inside the namespace of an endpoint: found, and given all that it needs, in one batch. */
import { writeFileSync } from 'node:fs';
import type { Mac } from '../../ip/mac.ts';
import type { LinkAddress, Route } from '../../state/resource.ts';
import type { NamespaceFile } from '../../state/veth.ts';
import { KernelError } from '../errno.ts';
import { inNamespace, openNamespace } from '../namespace.ts';
import * as nl from './constants.ts';
import { ALREADY_GONE, writeOperation } from './entries.ts';
import { readLink, writeLinkChange, writeLinkRequestByName } from './link.ts';
import { MessageWriter } from './message.ts';
import { RequestSocket } from './socket.ts';

export interface InsideWish {
  readonly link: string;
  readonly mac: Mac;
  readonly mtu: number;
  readonly addresses: readonly LinkAddress[];
  /** Over the link. */
  readonly routes: readonly InsideRoute[];
  /** Over other links; they go first. */
  readonly displaced: readonly Route[];
  /** Below /proc/sys; one that the kernel does not have is left out. */
  readonly sysctls: Readonly<Record<string, string>>;
}

export interface InsideRoute {
  readonly route: Route;
  /** What stands there already stays. */
  readonly yields: boolean;
}

/** Keeps the namespace alive until it is closed. */
export class Inside implements Disposable {
  readonly #socket: RequestSocket;
  readonly #enter: <T>(work: () => T) => T;
  readonly #leave: () => void;
  readonly #writer = new MessageWriter();

  /** Throws a KernelError (ENOENT: it is no more). */
  constructor(namespace: NamespaceFile) {
    const netns = openNamespace(namespace);
    this.#enter = (work) => inNamespace(netns, work);
    this.#leave = () => netns[Symbol.dispose]();
    try {
      this.#socket = this.#enter(() => new RequestSocket());
    } catch (error) {
      this.#leave();
      throw error;
    }
  }

  /** The first of `prefix`0, `prefix`1, … that no link has. Rejects with a KernelError. */
  async freeName(prefix: string): Promise<string> {
    for (let number = 0; ; number++)
      if ((await this.#indexOf(`${prefix}${number}`)) === undefined) return `${prefix}${number}`;
  }

  async has(link: string): Promise<boolean> {
    return (await this.#indexOf(link)) !== undefined;
  }

  /** Makes it so; what is so already stays. Rejects with a KernelError. */
  async configure(wish: InsideWish): Promise<void> {
    const [index, loopback] = [await this.#indexOf(wish.link), await this.#indexOf('lo')];
    if (index === undefined)
      throw new KernelError('ENODEV', `there is no link ${wish.link} in the namespace`);
    this.#enter(() => Object.entries(wish.sysctls).forEach(([path, value]) => set(path, value)));
    await this.#remove(wish.displaced);
    const { mac, mtu } = wish;
    const batch = new Batch(
      this.#socket,
      this.#writer,
      3 + wish.addresses.length + wish.routes.length,
    );
    if (loopback !== undefined)
      batch.link((writer) => writeLinkChange(writer, loopback, { up: true }));
    batch.link((writer) => writeLinkChange(writer, index, { mac, mtu }));
    for (const address of wish.addresses) batch.entry('change', address, index);
    batch.link((writer) => writeLinkChange(writer, index, { up: true }));
    for (const { route, yields } of wish.routes)
      batch.entry(yields ? 'create' : 'change', route, index, yields);
    await batch.send();
  }

  /** What is not there, or another's, stays away. */
  async #remove(routes: readonly Route[]): Promise<void> {
    for (const route of routes) {
      const index = await this.#indexOf(route.link ?? '');
      if (index === undefined) continue;
      const batch = new Batch(this.#socket, this.#writer, 1);
      batch.removal(route, index);
      await batch.send();
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close();
    this.#leave();
  }

  async #indexOf(name: string): Promise<number | undefined> {
    const { replies } = await this.#socket.ask(this.#writer, nl.RTM_GETLINK, 0, (writer) =>
      writeLinkRequestByName(writer, name),
    );
    return replies[0] === undefined ? undefined : readLink(replies[0])?.index;
  }
}

/** Messages of one send; each may be refused by itself. */
class Batch {
  readonly #socket: RequestSocket;
  readonly #writer: MessageWriter;
  readonly #first: number;
  /** What they may be refused for, by sequence number. */
  readonly #yielding = new Map<number, ReadonlySet<string>>();
  #next: number;

  constructor(socket: RequestSocket, writer: MessageWriter, most: number) {
    this.#socket = socket;
    this.#writer = writer;
    this.#first = socket.reserve(most);
    this.#next = this.#first;
    writer.reset();
  }

  link(write: (writer: MessageWriter) => void): void {
    this.#writer.begin(nl.RTM_NEWLINK, nl.NLM_F_REQUEST, this.#next++);
    write(this.#writer);
    this.#writer.end();
  }

  /** `yields`: that there is one already is no failure. */
  entry(
    action: 'create' | 'change',
    entry: LinkAddress | Route,
    index: number,
    yields = false,
  ): void {
    if (yields) this.#yielding.set(this.#next, ALREADY_THERE);
    writeOperation(this.#writer, action, entry, index, this.#next++);
  }

  removal(entry: Route, index: number): void {
    this.#yielding.set(this.#next, ALREADY_GONE);
    writeOperation(this.#writer, 'remove', entry, index, this.#next++);
  }

  /** Rejects with the first refusal. */
  async send(): Promise<void> {
    this.#writer.addFlags(nl.NLM_F_ACK);
    const last = this.#next - 1;
    const { errors } = await this.#socket.transact(this.#writer.written, this.#first, last);
    for (const [sequence, { code, message }] of errors) {
      if (this.#yielding.get(sequence)?.has(code) === true) continue;
      throw new KernelError(code, message);
    }
  }
}

const ALREADY_THERE: ReadonlySet<string> = new Set(['EEXIST']);

function set(path: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${path}`, value);
  } catch (cause) {
    const { code = 'EIO' } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') throw new KernelError(code, `/proc/sys/${path} cannot be set (${code})`);
  }
}
