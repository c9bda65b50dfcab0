/**
 * One member of a Serf cluster: memberlist's SWIM underneath, and what Serf's agents say on top of it (specification
 * §20).
 */
import { encodeTags, packetOverhead, type Keyring, type Tags } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import { Swim, transmissions } from '../swim/index.ts';
import { Answering } from './answering.ts';
import { Asking } from './asking.ts';
import { Broadcasts } from './broadcasts.ts';
import { Conflicts } from './conflict.ts';
import { UserEvents } from './events.ts';
import type {
  IncomingQuery,
  JoinResult,
  KeyOperation,
  KeyResult,
  MemberChange,
  QueryHandlers,
  QueryOptions,
  RunningQuery,
  SerfCounts,
  SerfMemberView,
} from './face.ts';
import { Inbox } from './inbox.ts';
import { answerInternal } from './internal-queries.ts';
import { joinAll } from './joining.ts';
import { askForKeys } from './keys.ts';
import { isHere, SerfMembers, type SerfMember } from './members.ts';
import { Membership } from './membership.ts';
import type { SerfOptions } from './options.ts';
import { Reconnect } from './reconnect.ts';
import { SERF, type SerfSettings } from './settings.ts';
import { endpointOf, REMEMBERED_LIMIT, rememberedMember, type Remembered } from './snapshot.ts';
import { View } from './view.ts';
import { Coordinates } from './vivaldi.ts';

/** Protocol 1 to 5, spoken 2, of memberlist; 2 to 5, spoken 5, of Serf. */
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
/** Bytes of our own name: it has to fit every answer, beside the answer. */
const NAME_LIMIT = 255;
/** Bytes of a packet of gossip (memberlist's UDPBufferSize). */
const PACKET_ROOM = 1_400;
/**
 * How many rounds of gossip the intent to leave is ahead of the leave itself at most. Two rounds have gone then, and
 * everybody who got the intent in them has passed it on; whoever hears of the leave first takes the member for
 * failed (Serf's agents do, ours do not) and corrects that when the intent comes.
 */
const LEAVE_ROUNDS = 1.5;

type Stage = 'here' | 'leaving' | 'left';

export class Serf {
  readonly swim: Swim;
  readonly #options: SerfOptions;
  readonly #settings: SerfSettings;
  readonly #members: SerfMembers;
  readonly #membership: Membership;
  readonly #broadcasts: Broadcasts;
  readonly #events: UserEvents;
  readonly #answering: Answering;
  readonly #asking: Asking;
  readonly #coordinates: Coordinates;
  readonly #reconnect: Reconnect;
  readonly #inbox: Inbox;
  #tags: Tags;
  #meta: Uint8Array;
  #keyring: Keyring;
  /** Joins that run and do not want to hear of what has been. */
  #ignoring = 0;
  #stage: Stage = 'here';
  readonly #left: (() => void)[] = [];

  /** Throws a RangeError for tags or a name that do not fit. */
  constructor(options: SerfOptions) {
    const { name, timers, random, settings, advertise } = options;
    const length = Buffer.byteLength(name);
    if (length === 0 || length > NAME_LIMIT)
      throw new RangeError(
        `the name has ${length} bytes; 1 to ${NAME_LIMIT} may be: choose another`,
      );
    this.#options = options;
    this.#settings = options.serf ?? SERF;
    this.#keyring = options.keyring;
    this.#tags = options.tags;
    this.#meta = encodeTags(options.tags);
    this.#coordinates = new Coordinates(random);
    this.#members = new SerfMembers({
      timers,
      settings: this.#settings,
      changed: (member, change) => this.#changed(member, change),
    });
    const members = this.#members;
    this.#broadcasts = new Broadcasts({
      transmissions: (times) => transmissions(settings, members.size, times),
      room: () => PACKET_ROOM - this.#overhead(),
      soon: () => this.swim.gossipSoon(),
    });
    this.#membership = new Membership({ name, members, broadcasts: this.#broadcasts });
    this.#events = new UserEvents({
      sizeLimit: this.#settings.eventSizeLimit,
      broadcasts: this.#broadcasts,
      notify: options.notify,
    });
    this.#answering = this.#makeAnswering();
    this.#asking = new Asking({
      name,
      advertise,
      sizeLimit: this.#settings.querySizeLimit,
      defaultTimeout: () => this.#queryTimeout(),
      timers,
      random,
      answering: this.#answering,
    });
    this.#reconnect = this.#makeReconnect();
    this.#inbox = this.#makeInbox();
    this.swim = new Swim({
      name,
      advertise,
      vsn: VSN,
      settings,
      overhead: () => this.#overhead(),
      random,
      timers,
      wallClock: options.wallClock,
      emit: options.emit,
      delegate: this.#inbox,
    });
  }

  get keyring(): Keyring {
    return this.#keyring;
  }

  get tags(): Tags {
    return this.#tags;
  }

  get counts(): SerfCounts {
    return {
      events: this.#events.count,
      queries: this.#answering.count,
      reconnects: this.#reconnect.tries,
      coordinateResets: this.#coordinates.resets,
      refused: this.#inbox.refused,
      queued: this.#broadcasts.size + this.swim.queued,
    };
  }

  member(name: string): SerfMemberView | undefined {
    const member = this.#members.get(name);
    return member && this.#view(member);
  }

  /** Of every status, ourselves among them. */
  members(): SerfMemberView[] {
    return Array.from(this.#members, (member) => this.#view(member));
  }

  /** Once. With a snapshot of a member that had not left, its cluster is joined again. */
  start(): void {
    const { remembered } = this.#options;
    if (remembered !== undefined) this.#recall(remembered);
    this.swim.start();
    this.#joinSelf();
    this.#reapRegularly();
    this.#reconnect.start();
    const known = this.#reconnect.lost();
    if (known.length > 0) this.#joinSome(known, { enough: 1, replay: true });
  }

  /** Tries each endpoint once. `replay`: be told of recent events that were before. */
  join(
    endpoints: readonly Endpoint[],
    done: (result: JoinResult) => void,
    { replay = false }: { replay?: boolean } = {},
  ): void {
    this.#joinSome(endpoints, { enough: Infinity, replay, done });
  }

  /** Says goodbye; `done` when nobody needs us any more. Later calls wait for the same. */
  leave(done: () => void): void {
    if (this.#stage === 'left') return done();
    this.#left.push(done);
    if (this.#stage === 'leaving') return;
    const { timers, settings } = this.#options;
    this.#stage = 'leaving';
    this.#reconnect.stop();
    this.swim.quieten();
    const isAlone = this.#members.alive <= 1;
    // Not while a packet is being filled, which is when the last transmission is counted.
    const gone = once(() => timers.after(0, () => this.#goneSoon()));
    this.#membership.announceLeave(gone);
    if (isAlone) return this.#gone();
    timers.after(LEAVE_ROUNDS * settings.gossipInterval, gone);
  }

  /** Throws a RangeError when they do not fit. */
  setTags(tags: Tags): void {
    this.#meta = encodeTags(tags);
    this.#tags = tags;
    this.swim.updateMeta();
    this.#joinSelf();
  }

  /** Throws a RangeError when it is too long. `coalesce`: whether several of the name may count as one. */
  userEvent(name: string, payload: Uint8Array, { coalesce = false } = {}): void {
    this.#events.send(name, payload, coalesce);
  }

  /** Throws a RangeError for a query that is too long or has a bad filter, and for one too many. */
  query(name: string, options: QueryOptions = {}, handlers: QueryHandlers = {}): RunningQuery {
    return this.#asking.ask(name, options, handlers);
  }

  /** Asks every member, ourselves included; `key` for all but `list`. */
  keys(
    operation: KeyOperation,
    key: Uint8Array | undefined,
    done: (result: KeyResult) => void,
  ): void {
    askForKeys(operation, {
      key,
      done,
      alive: () => [...this.#members].filter(isHere).map(({ name }) => name),
      ask: (name, payload, handlers) => this.query(name, { payload }, handlers),
    });
  }

  /** A failed member counts as left. One that is alive says that it is not so. Throws a RangeError for no such member. */
  forceLeave(name: string, { prune = false } = {}): void {
    if (name === this.#options.name)
      throw new RangeError(`${name} is this member itself: let it leave`);
    if (this.#members.get(name) === undefined)
      throw new RangeError(`no member is named ${name}: look at the list of members`);
    this.#membership.forceLeave(name, prune);
  }

  /** What to keep for the next start. */
  snapshot(): Remembered {
    const last = (time: bigint): string => String(time - 1n);
    const others = [...this.#members].filter(({ name }) => name !== this.#options.name);
    const known = [
      ...others.filter(isHere),
      ...others.filter(({ status }) => status === 'failed'),
      ...this.#reconnect.lost().toReversed(),
    ];
    return {
      version: 1,
      left: this.#stage !== 'here',
      clocks: {
        member: last(this.#membership.clock.time),
        event: last(this.#events.clock.time),
        query: last(this.#answering.clock.time),
      },
      members: known.slice(0, REMEMBERED_LIMIT).map(rememberedMember),
    };
  }

  #makeAnswering(): Answering {
    const { name, advertise, timers, random, notify } = this.#options;
    const { responseSizeLimit: sizeLimit } = this.#settings;
    const members = this.#members;
    const internal = {
      name,
      sizeLimit,
      members,
      keyring: () => this.#keyring,
      setKeyring: (keyring: Keyring) => this.#setKeyring(keyring),
    };
    return new Answering({
      self: { name, advertise, tags: () => this.#tags },
      sizeLimit,
      timers,
      random,
      members,
      broadcasts: this.#broadcasts,
      send: (to, payload) => this.swim.sendUser(to, payload),
      ask: (query: IncomingQuery) => {
        if (!answerInternal(query, internal)) notify(query);
      },
      // Not before whoever asks has got hold of the query.
      answerSelf: (response) => void timers.after(0, () => this.#asking.heard(response)),
    });
  }

  #makeReconnect(): Reconnect {
    const { timers, random, seeds = () => [] } = this.#options;
    return new Reconnect({
      settings: this.#settings,
      timers,
      random,
      members: this.#members,
      seeds,
      join: (to, done) => this.swim.join(to, done),
    });
  }

  #makeInbox(): Inbox {
    const { name, advertise, timers, notify, extension } = this.#options;
    return new Inbox({
      members: this.#members,
      membership: this.#membership,
      events: this.#events,
      answering: this.#answering,
      asking: this.#asking,
      broadcasts: this.#broadcasts,
      coordinates: this.#coordinates,
      conflicts: new Conflicts({
        name,
        advertise,
        interval: this.#settings.conflictInterval,
        timers,
        ask: (...query) => this.#asking.ask(...query),
        notify,
      }),
      extension,
      meta: () => this.#meta,
      ignoreEvents: () => this.#ignoring > 0,
      send: (to, payload) => this.swim.sendUser(to, payload),
    });
  }

  #recall({ left, clocks, members }: Remembered): void {
    this.#membership.clock.witness(BigInt(clocks.member));
    this.#events.clock.witness(BigInt(clocks.event));
    this.#events.ignoreBelow(BigInt(clocks.event) + 1n);
    this.#answering.clock.witness(BigInt(clocks.query));
    this.#answering.ignoreBelow(BigInt(clocks.query) + 1n);
    if (left) return;
    // The one to try first was kept first, and is to be dropped last.
    for (const member of members.toReversed()) this.#reconnect.lose(endpointOf(member));
  }

  #joinSome(
    endpoints: readonly Endpoint[],
    how: { enough: number; replay: boolean; done?: (result: JoinResult) => void },
  ): void {
    const ignoring = how.replay ? 0 : 1;
    this.#ignoring += ignoring;
    joinAll(endpoints, {
      join: (to, done) => this.swim.join({ addr: to.addr, port: to.port }, done),
      enough: how.enough,
      done: (result) => {
        this.#ignoring -= ignoring;
        if (result.joined > 0 && this.#stage === 'here') this.#membership.announce();
        how.done?.(result);
      },
    });
  }

  /** Whether the core tells of ourselves does not matter: what is known already is told to nobody. */
  #joinSelf(): void {
    const self = this.swim.members.get(this.#options.name);
    if (self !== undefined) this.#members.joined(self);
  }

  #reapRegularly(): void {
    this.#options.timers.after(this.#settings.reapInterval, () => {
      this.#members.reap();
      this.#reapRegularly();
    });
  }

  /** The leave itself, and then a while in which pings are still answered. */
  #goneSoon(): void {
    if (this.#stage !== 'leaving') return;
    const { timers } = this.#options;
    this.swim.leave(() => timers.after(this.#settings.leaveLinger, () => this.#gone()));
  }

  #gone(): void {
    this.#stage = 'left';
    for (const done of this.#left.splice(0)) done();
  }

  #changed(member: SerfMember, change: MemberChange): void {
    const { name } = member;
    if (change === 'join' || change === 'leave') this.#reconnect.settle(name);
    if (change === 'reap') {
      this.#coordinates.forget(name);
      if (member.status === 'failed') this.#reconnect.lose(member);
    }
    const view = this.#view(member);
    this.#options.notify({ kind: 'member', change, member: view });
    this.#options.extension?.memberChanged(view, change);
  }

  #view(member: SerfMember): SerfMemberView {
    const incarnation = this.swim.members.get(member.name)?.incarnation ?? member.incarnation;
    return new View(member, incarnation, this.#coordinates);
  }

  #setKeyring(keyring: Keyring): void {
    this.#keyring = keyring;
    this.#options.notify({ kind: 'keyring', keyring });
  }

  #overhead(): number {
    return packetOverhead({ label: this.#options.label, keyring: this.#keyring });
  }

  /** Long enough for the gossip to reach all, and for the answers. */
  #queryTimeout(): number {
    const { gossipInterval } = this.#options.settings;
    const rounds = this.#settings.queryTimeoutMult * Math.ceil(Math.log10(this.#members.alive + 1));
    return gossipInterval * rounds;
  }
}

function once(run: () => void): () => void {
  let ran = false;
  return () => {
    if (!ran) run();
    ran = true;
  };
}
