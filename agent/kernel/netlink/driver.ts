/** The kernel's routing room as a driver: links, addresses, neighbours, forwarding entries and routes. */
import { setImmediate as turn } from 'node:timers/promises';
import type { KernelEvent, Operation, Outcome } from '../../state/kernel.ts';
import {
  ROUTE_PROTOCOL,
  linkKey,
  mayCarry,
  same,
  type Kind,
  type Link,
  type Resource,
  type Route,
} from '../../state/resource.ts';
import { KernelError } from '../errno.ts';
import type { Driver } from '../kernel.ts';
import { writeAddressRequest } from './address.ts';
import { Batches, failed, type EntryOperation } from './batches.ts';
import * as nl from './constants.ts';
import { Echoes } from './echoes.ts';
import { isEntry, type Entry } from './entries.ts';
import { EVENT_GROUPS, EventReader } from './events.ts';
import { readLink, writeLinkRequest } from './link.ts';
import { LinkOperations, type Userspace } from './link-operations.ts';
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
  readonly #echoes = new Echoes();
  readonly #reader: EventReader;
  readonly #batches: Batches;
  readonly #linkOperations: LinkOperations;
  #listener: ((event: KernelEvent) => void) | undefined;

  /** Throws a KernelError when the kernel refuses the event socket. The sockets stay the caller's to close. */
  constructor(socket: RequestSocket, dumps: DumpSocket, userspace: Userspace) {
    const links = this.#links;
    const echoes = this.#echoes;
    const reader = new EventReader(links, echoes, (event) => this.#listener?.(event));
    this.#dumps = dumps;
    this.#events = openEventSocket(
      nl.NETLINK_ROUTE,
      EVENT_GROUPS,
      {
        onMessage: (message) => reader.take(message),
        onLost: (reason) => {
          echoes.lost();
          this.#unknown(reason);
        },
      },
      socket.port,
    );
    this.#batches = new Batches({ socket, links, echoes, eventPort: this.#events.port });
    this.#reader = reader;
    const onRemade = (name: string): void => this.#unknown(`link ${name} was made anew`);
    this.#linkOperations = new LinkOperations({ socket, dumps, links, onRemade, userspace });
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#listener = listener;
  }

  async close(): Promise<void> {
    this.#echoes.lost();
    this.#events.close();
  }

  async *dump(wanted: ReadonlySet<string>): AsyncIterable<readonly Resource[]> {
    for (const name of wanted) this.#links.want(name);
    await this.#readLinks();
    const own = this.#links.own();
    yield own.map((record) => this.#links.resource(record));
    const carriers = own.filter((record) => mayCarry(this.#links.resource(record)));
    for (const { index } of carriers) {
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
    yield* this.#readRoutes(carriers.map(({ index }) => index));
  }

  async apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    while (outcomes.length < operations.length) {
      const run = entriesFrom(operations, outcomes.length);
      const next = operations[outcomes.length];
      if (run.length > 0) outcomes.push(...(await this.#applyEntries(run)));
      else if (next !== undefined) outcomes.push(await this.#applyLink(next));
    }
    return outcomes;
  }

  async #applyEntries(run: readonly EntryOperation[]): Promise<Outcome[]> {
    await this.#learnLinks(run);
    const outcomes = await this.#batches.run(run);
    const taken = run.flatMap(({ action, entry }, at) => {
      const outcome = outcomes[at];
      if (outcome?.status !== 'failed' || action === 'remove') return [];
      return mayBeTaken(entry, outcome.code) ? [{ entry, at, code: outcome.code }] : [];
    });
    if (taken.length > 0) await this.#settleTaken(taken, outcomes);
    return outcomes;
  }

  async #applyLink(operation: Operation): Promise<Outcome> {
    const { name } = (operation.desired ?? operation.actual) as Link;
    this.#reader.ignoreLink(name);
    const outcome = await this.#linkOperations.run(operation);
    await this.#batches.mark();
    this.#reader.heedLink(name);
    await this.#lookAt(name);
    return outcome;
  }

  /** Our work on a link is over and its events have passed: whether somebody else worked on it meanwhile. */
  async #lookAt(name: string): Promise<void> {
    const known = this.#links.get(name);
    const before = known && this.#links.resource(known);
    const found = await this.#linkOperations.find(name).catch(() => known);
    const now = found && this.#links.resource(found);
    if (now === undefined && before !== undefined)
      this.#listener?.({ type: 'absent', key: linkKey(name) });
    else if (now !== undefined && (before === undefined || !same(now, before)))
      this.#listener?.({ type: 'present', resource: now });
    else return;
    this.#unknown(`link ${name} was changed by somebody else while weft worked on it`);
  }

  /** Replaces what is ours, and says of the rest what stands in the way. */
  async #settleTaken(taken: readonly Taken[], outcomes: Outcome[]): Promise<void> {
    try {
      const entries = taken.map(({ entry }) => entry);
      const judge = await judgeOf(entries, this.#dumps, this.#links);
      for (const { entry, at, code } of taken) {
        const judgement = judge(entry);
        if (judgement === 'replace') outcomes[at] = await this.#replace(entry, code);
        else if (judgement !== 'free') outcomes[at] = judgement;
      }
    } catch {
      // What stands there cannot be read now: the refusal stays the outcome.
    }
  }

  async #replace(entry: Entry, code: string): Promise<Outcome> {
    const steps: EntryOperation[] = [{ action: 'change', entry }];
    // The way by the old link forbids the new one its gateway (v6, onlink); a blackhole does not.
    if (code === 'EINVAL' && entry.kind === 'route')
      steps.unshift({ action: 'change', entry: blackholeFor(entry) });
    return (await this.#batches.run(steps)).at(-1) ?? failed(new KernelError('EIO'));
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

interface Taken {
  readonly entry: Entry;
  readonly at: number;
  readonly code: string;
}

/**
 * EINVAL: the v6 kernel refuses an onlink gateway that a route, such as one in the same place, leads to over
 * another link (net/ipv6/route.c, ip6_route_check_nh_onlink).
 */
function mayBeTaken(entry: Entry, code: string): boolean {
  return code === 'EEXIST' || (code === 'EINVAL' && entry.kind === 'route' && entry.onlink);
}

function blackholeFor({ prefix, metric, protocol }: Route): Route {
  return { kind: 'route', prefix, metric, type: 'blackhole', onlink: false, protocol };
}
