/** The kernel's routing room as a driver: links, addresses, neighbours, forwarding entries and routes. */
import { setImmediate as turn } from 'node:timers/promises';
import type { KernelEvent, Operation, Outcome } from '../../state/kernel.ts';
import { ROUTE_PROTOCOL, type Kind, type Resource } from '../../state/resource.ts';
import { KernelError } from '../errno.ts';
import type { Driver } from '../kernel.ts';
import { writeAddressRequest } from './address.ts';
import { Batches, failed, type EntryOperation } from './batches.ts';
import * as nl from './constants.ts';
import { Echoes } from './echoes.ts';
import { isEntry } from './entries.ts';
import { EVENT_GROUPS, EventReader } from './events.ts';
import { readLink, writeLinkRequest } from './link.ts';
import { LinkOperations } from './link-operations.ts';
import { LinkTable } from './link-table.ts';
import type { Message, MessageWriter } from './message.ts';
import { writeFdbRequest, writeNeighbourRequest } from './neighbour.ts';
import { OWN } from './ownership.ts';
import { writeRouteRequest } from './route.ts';
import {
  openEventSocket,
  type DumpSocket,
  type EventSocket,
  type RequestSocket,
} from './socket.ts';
import { judgeOf } from './taken.ts';

export class NetlinkDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>([
    'link',
    'address',
    'neighbour',
    'fdb',
    'route',
  ]);
  readonly #dumps: DumpSocket;
  readonly #events: EventSocket;
  readonly #links = new LinkTable();
  readonly #batches: Batches;
  readonly #linkOperations: LinkOperations;
  #listener: ((event: KernelEvent) => void) | undefined;

  /** Throws a KernelError when the kernel refuses the event socket. The sockets stay the caller's to close. */
  constructor(socket: RequestSocket, dumps: DumpSocket) {
    const links = this.#links;
    const echoes = new Echoes();
    const reader = new EventReader(links, echoes, (event) => this.#listener?.(event));
    this.#dumps = dumps;
    this.#events = openEventSocket(
      nl.NETLINK_ROUTE,
      EVENT_GROUPS,
      {
        onMessage: (message) => reader.take(message),
        onLost: (reason) => this.#unknown(reason),
      },
      socket.port,
    );
    this.#batches = new Batches({ socket, links, echoes, eventPort: this.#events.port });
    const onRemade = (name: string): void => this.#unknown(`link ${name} was made anew`);
    this.#linkOperations = new LinkOperations({ socket, dumps, links, onRemade });
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#events.close();
  }

  async *dump(wanted: ReadonlySet<string>): AsyncIterable<readonly Resource[]> {
    for (const name of wanted) this.#links.want(name);
    await this.#readLinks();
    const own = this.#links.own();
    yield own.map((record) => this.#links.resource(record));
    for (const { index } of own) {
      yield* this.#read(
        nl.RTM_GETADDR,
        (writer) => writeAddressRequest(writer, index),
        OWN.address,
      );
      yield* this.#read(
        nl.RTM_GETNEIGH,
        (writer) => writeNeighbourRequest(writer, index),
        OWN.neighbour,
      );
      yield* this.#read(nl.RTM_GETNEIGH, (writer) => writeFdbRequest(writer, index), OWN.neighbour);
    }
    yield* this.#readRoutes(own.map(({ index }) => index));
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < operations.length) {
      const run = entriesFrom(operations, outcomes.length);
      const next = operations[outcomes.length];
      if (run.length > 0) outcomes.push(...(await this.#applyEntries(run)));
      else if (next !== undefined) outcomes.push(await this.#linkOperations.run(next));
    }
    return outcomes;
  }

  async #applyEntries(run: readonly EntryOperation[]): Promise<Outcome[]> {
    await this.#learnLinks(run);
    const outcomes = await this.#batches.run(run);
    const taken = run.flatMap(({ action, entry }, at) => {
      const outcome = outcomes[at];
      const isTaken = outcome?.status === 'failed' && outcome.code === 'EEXIST';
      return isTaken && action === 'create' ? [{ entry, at }] : [];
    });
    if (taken.length > 0) await this.#settleTaken(taken, outcomes);
    return outcomes;
  }

  /** Replaces what is ours, and says of the rest what stands in the way. */
  async #settleTaken(
    taken: readonly { readonly entry: EntryOperation['entry']; readonly at: number }[],
    outcomes: Outcome[],
  ): Promise<void> {
    try {
      const entries = taken.map(({ entry }) => entry);
      const judge = await judgeOf(entries, this.#dumps, this.#links);
      const judged = taken.map(({ entry, at }) => ({ entry, at, judgement: judge(entry) }));
      for (const { at, judgement } of judged) if (judgement !== 'replace') outcomes[at] = judgement;
      const replaced = judged.filter(({ judgement }) => judgement === 'replace');
      const again = await this.#batches.run(
        replaced.map(({ entry }) => ({ action: 'change', entry })),
      );
      replaced.forEach(({ at }, i) => (outcomes[at] = again[i] ?? failed(new KernelError('EIO'))));
    } catch {
      // What stands there cannot be read now: the refusal stays the outcome.
    }
  }

  /** Asks for links that no dump and no event has told yet. */
  async #learnLinks(run: readonly EntryOperation[]): Promise<void> {
    const unknown = new Set<string>();
    for (const { entry } of run) {
      if (entry.link !== undefined && this.#links.get(entry.link) === undefined)
        unknown.add(entry.link);
    }
    for (const name of unknown) await this.#linkOperations.find(name).catch(() => undefined);
  }

  async #readLinks(): Promise<void> {
    const pieces = await this.#dumps.dump(nl.RTM_GETLINK, (writer) => writeLinkRequest(writer));
    const records = pieces.flat().map((message) => readLink(message));
    this.#links.reset(records.filter((record) => record !== undefined));
  }

  /** First those with our protocol, then flanneld's on links of ours; a filter each, so that the kernel sends no others. */
  async *#readRoutes(linkIndexes: readonly number[]): AsyncIterable<readonly Resource[]> {
    for (const family of [4, 6] as const) {
      const filter = { protocol: ROUTE_PROTOCOL };
      yield* this.#read(
        nl.RTM_GETROUTE,
        (writer) => writeRouteRequest(writer, family, filter),
        OWN.route,
      );
      for (const linkIndex of linkIndexes) {
        yield* this.#read(
          nl.RTM_GETROUTE,
          (writer) => writeRouteRequest(writer, family, { linkIndex }),
          OWN.foreignRoute,
        );
      }
    }
  }

  /** One table in slices; the event loop turns between them. */
  async *#read(
    type: number,
    writeRequest: (writer: MessageWriter) => void,
    read: (message: Message, links: LinkTable) => Resource | undefined,
  ): AsyncIterable<readonly Resource[]> {
    for (const piece of await this.#dumpOrNothing(type, writeRequest)) {
      const slice: Resource[] = [];
      for (const message of piece) {
        const resource = read(message, this.#links);
        if (resource === undefined) continue;
        if (resource.kind === 'route' && resource.link !== undefined)
          this.#links.carry(resource.link);
        slice.push(resource);
      }
      if (slice.length > 0) yield slice;
      await turn();
    }
  }

  /** A link that has gone meanwhile, or a table nobody has used yet, is an empty one. */
  async #dumpOrNothing(
    type: number,
    writeRequest: (writer: MessageWriter) => void,
  ): ReturnType<DumpSocket['dump']> {
    try {
      return await this.#dumps.dump(type, writeRequest);
    } catch (cause) {
      if (cause instanceof KernelError && (cause.code === 'ENODEV' || cause.code === 'ENOENT'))
        return [];
      throw cause;
    }
  }

  #unknown(reason: string): void {
    this.#listener?.({ type: 'unknown', reason });
  }
}

/** The operations on entries from there up to the next one on a link. */
function entriesFrom(operations: readonly Operation[], from: number): EntryOperation[] {
  const run: EntryOperation[] = [];
  for (let at = from; at < operations.length; at++) {
    const operation = operations[at];
    const entry = operation?.desired ?? operation?.actual;
    if (operation === undefined || entry === undefined || !isEntry(entry)) break;
    run.push({ action: operation.action, entry });
  }
  return run;
}
