/**
 * What happens: seen by this host of members and leases, said by each host of itself. Every host sees the former by
 * itself; of the latter each tells all others, by a user event of Serf's, within an allowance.
 */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ClusterEvent, ToldKind } from '../../controlplane/api/cluster-model.ts';
import type { ControlHandlers } from '../../controlplane/api/handlers.ts';
import { VERSION } from '../../controlplane/api/version.ts';
import { Allowance } from '../../controlplane/events/allowance.ts';
import {
  hostNews,
  LeaseNews,
  MemberNews,
  type HostFacts,
  type News,
} from '../../controlplane/events/changes.ts';
import { EventLog } from '../../controlplane/events/log.ts';
import { eventIn, eventPayload } from '../../controlplane/events/payload.ts';
import type { Clock } from '../state/clock.ts';
import type { Daemon } from './daemon.ts';

/** Serf's name of an event. */
const EVENT = 'weft-event';
/** So long after the start members are met that were there before, in ms. */
const MEETING = 10_000;
/** This host's problems are looked at so long after something changed, in ms: what comes and goes at once is no news. */
const PAUSE = 500;
/** A problem of one peer each host has that reaches it: it is told here alone, or a host's end would be told by all. */
const LOCAL_PROBLEMS = ['PEER_UNREACHABLE'];

/** Events that wait for other hosts. */
const WAITING_LIMIT = 20;

export class Events {
  readonly log = new EventLog();
  readonly #daemon: Daemon;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #host: string;
  readonly #run = Date.now().toString(36);
  readonly #allowance: Allowance;
  /** Others are there to be told: this host is ready, or has had time to meet them. */
  #hasMet = false;
  /** What they are to be told then. */
  readonly #untold: ClusterEvent[] = [];
  #number = 0;
  #facts: HostFacts = { ready: false, problems: [] };
  #cancelLook: (() => void) | undefined;
  readonly #ends: (() => void)[] = [];

  constructor(daemon: Daemon, logger: Logger, clock: Clock) {
    this.#daemon = daemon;
    this.#logger = logger;
    this.#clock = clock;
    this.#host = daemon.membership?.name ?? hostname();
    this.#allowance = new Allowance(clock.now());
  }

  start(handlers: Pick<ControlHandlers, 'watchLeases'>): void {
    const { membership } = this.#daemon;
    membership?.onHeard(EVENT, (payload) => this.#hear(payload));
    this.#tell({ kind: 'host-started', host: this.#host, text: `weftd ${VERSION} has started` });
    this.#ends.push(this.#clock.after(MEETING, () => this.#meet()));
    this.#followMembers();
    const leases = new LeaseNews();
    this.#ends.push(
      handlers.watchLeases((change) => {
        const news = leases.after(change);
        // The first set of leases is no news.
        if (this.#daemon.isReady) this.#see(news);
      }),
      this.#daemon.onChange(() => this.#lookSoon()),
    );
  }

  stop(): void {
    this.#cancelLook?.();
    for (const end of this.#ends) end();
  }

  #followMembers(): void {
    const { membership } = this.#daemon;
    if (membership === undefined) return;
    const members = new MemberNews();
    const begun = this.#clock.now();
    this.#ends.push(
      membership.onChange((change) => {
        const news = members.after(change);
        const isMine = change.type === 'present' && change.member.mine;
        const isMeeting = news?.kind === 'member-joined' && this.#clock.now() - begun < MEETING;
        if (!isMine && !isMeeting) this.#see(news);
        this.#tellOthers();
      }),
    );
  }

  #meet(): void {
    this.#hasMet = true;
    this.#tellOthers();
  }

  #lookSoon(): void {
    this.#cancelLook ??= this.#clock.after(PAUSE, () => {
      this.#cancelLook = undefined;
      this.#look();
    });
  }

  #look(): void {
    const { isReady, board, session } = this.#daemon;
    // Between two sessions there is none.
    const backend = session?.backend.type ?? this.#facts.backend;
    const facts: HostFacts = {
      ready: isReady,
      problems: board.list(),
      ...(backend === undefined ? {} : { backend }),
    };
    const news = hostNews(this.#host, this.#facts, facts);
    this.#facts = facts;
    if (isReady) this.#meet();
    for (const each of news)
      if (LOCAL_PROBLEMS.includes(each.subject ?? '')) this.#see(each);
      else this.#tell(each);
  }

  /** For this host's log alone. */
  #see(news: News | undefined): void {
    if (news !== undefined) this.log.add(this.#dated(news));
  }

  /** For all. */
  #tell(news: News<ToldKind>): void {
    const event = this.#dated(news);
    this.log.add(event);
    if (this.#allowance.take(this.#clock.now())) this.#untold.push(event);
    else this.#logger.debug({ event }, 'the other hosts are not told: there were too many events');
    this.#tellOthers();
  }

  /** As soon as there are any; of what waits for them the latest. */
  #tellOthers(): void {
    const { membership } = this.#daemon;
    const members = [...(membership?.member?.members() ?? [])];
    this.#untold.splice(0, this.#untold.length - WAITING_LIMIT);
    if (!this.#hasMet || !members.some(({ mine, status }) => !mine && status === 'alive')) return;
    for (const event of this.#untold.splice(0)) {
      try {
        membership?.sayOnce(EVENT, eventPayload(event));
      } catch (cause) {
        this.#logger.debug({ err: cause, event }, 'the other hosts cannot be told');
      }
    }
  }

  #hear(payload: Uint8Array): void {
    const event = eventIn(payload);
    if (event !== undefined) this.log.add(event);
  }

  #dated(news: News): ClusterEvent {
    const id = `${this.#host}/${this.#run}-${(this.#number++).toString(36)}`;
    return { id, at: new Date(), ...news };
  }
}
