/**
 * Gives this host's WireGuard devices another key without losing a packet, step by step:
 *
 *     told      the lease tells the new key. Two hosts that do so at once each see the other, and take it back: one at a time
 *     out       wgkey.new is there. The detour stands, has the new key, and traffic moves to it
 *     back      wgkey holds the new key too, and so have the main devices, by which nobody sends. Traffic moves back
 *     at rest   wgkey.new is gone, and with it the detour
 *
 * A peer that does not come along ends it before the second last step, which is the only one that takes the old key away:
 * traffic moves back to the main devices, and the detour goes when nobody sends by it any more. A weftd that was killed
 * on the way ends it in the same way before that step, as another host may have taken the turn since; past it, it goes on.
 */
import { WeftError } from '../../controlplane/api/errors.ts';
import { flanneldIn, verdict } from '../backend/rotation.ts';
import {
  dropNewKey,
  enforceNewKey,
  makeWireguardKey,
  placeNewKey,
  readNewKey,
  wireguardKeyTime,
  type NewKey,
} from '../config/wireguard-key.ts';
import type { Clock, Random } from '../state/clock.ts';
import type { Lease, Rotation } from '../state/facts.ts';
import { DETOUR_LINKS, type PeerSessions, type PublicKey } from '../state/wireguard.ts';
import type { Log } from '../subnet/service.ts';
import type { Planner } from './planner.ts';
import type { ProblemBoard } from './problem-board.ts';
import { RotationSchedule } from './rotation-schedule.ts';

/** How long others that change their keys are waited for, in ms; one takes some ten seconds. */
const TURN_LIMIT = 120_000;
/** Between two attempts to be the only one, in ms; twice as long at most. */
const TURN_PAUSE = 1000;
/** How long the own lease may take to come back from etcd, in ms. */
const ECHO_LIMIT = 10_000;
/** Longer than a packet is under way between two hosts, and in their queues, in ms. */
const TRANSIT = 500;
/** Nobody sends by the detour any more when nothing came for so long, in ms: a peer that takes it sends every second. */
const SILENCE = 5000;
/**
 * Whoever sends by a detour that was given up has not heard so, as it is cut off from etcd or its weftd is away: it is
 * waited for no longer than this, in ms, which a restart and most outages are over in.
 */
const OVER_LIMIT = 3_600_000;

export type Tell = (step: {
  readonly step: 'turn' | 'out' | 'over' | 'back' | 'done';
  readonly text: string;
  readonly publicKey?: PublicKey;
}) => void;

/** What it needs of the session. */
export interface RotationHost {
  readonly stateDir: string;
  /** In ms; 0: never. */
  readonly every: number;
  /** In s since 1970. */
  readonly seconds: () => number;
  readonly planner: Pick<Planner, 'peers' | 'behind' | 'formers'>;
  readonly board: ProblemBoard;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Every lease there is in etcd, in force, the own one included. */
  readonly leases: () => Iterable<{
    readonly key: string;
    readonly mine: boolean;
    readonly lease: Lease;
  }>;
  /** The key in force, read anew. */
  readonly publicKey: () => PublicKey;
  /** What the lease tells of a new key. */
  readonly tell: (newKey: PublicKey | undefined) => void;
  /** Resolves when the kernel is as planned. */
  readonly plan: (rotation: Rotation | undefined) => Promise<void>;
}

export class KeyRotation {
  readonly #host: RotationHost;
  #underWay = false;
  #stopped = false;
  #detourHeard = { received: 0, at: 0 };
  readonly #waiting = new Set<() => void>();
  readonly #schedule: RotationSchedule | undefined;

  constructor(host: RotationHost) {
    this.#host = host;
    this.#schedule = host.every === 0 ? undefined : this.#scheduled();
  }

  #scheduled(): RotationSchedule {
    const { stateDir, seconds, log } = this.#host;
    return new RotationSchedule({
      ...this.#host,
      age: () => seconds() * 1000 - (wireguardKeyTime(stateDir) ?? 0),
      rotate: () => this.rotate(() => {}),
      failed: (cause) => log.warn({}, `the WireGuard key was not changed: ${messageOf(cause)}`),
    });
  }

  get isUnderWay(): boolean {
    return this.#underWay;
  }

  /** Where a weftd before us got to; to be planned by. Throws FileError and KeyFileError. */
  get found(): Rotation | undefined {
    return rotationIn(this.#host.stateDir, this.#host.publicKey());
  }

  /** All peers are known: goes on from there, and does what is due. */
  start(): void {
    this.#resume();
    this.#schedule?.start();
  }

  #resume(): void {
    const work = this.#rest(() => {});
    if (work === undefined) return;
    this.#alone(work).catch((cause: unknown) =>
      this.#host.log.warn({ err: cause }, messageOf(cause)),
    );
  }

  /** What is left to be done of one that was begun and not ended; undefined when there is none. */
  #rest(tell: Tell): (() => Promise<void>) | undefined {
    const key = readNewKey(this.#host.stateDir);
    const phase = this.found?.phase;
    if (key === undefined || phase === undefined) return undefined;
    return () =>
      phase === 'back' ? this.#back(key, tell) : this.#giveUp(key, interrupted(), tell);
  }

  /** Resolves when this host has another key; throws a WeftError when it keeps the one it has, and why. */
  async rotate(tell: Tell): Promise<void> {
    const flanneld = flanneldIn(this.#host.planner.peers);
    if (this.#underWay)
      throw refused('this host is changing its key already', 'wait until it is done');
    if (flanneld !== undefined) throw cutsOff(flanneld);
    // Peers of a former mesh are not waited for.
    if (this.#host.planner.formers.size > 0)
      throw refused('a change of backend is under way', 'try again when it is over');
    await this.#alone(this.#rest(tell) ?? (() => this.#begin(tell)));
  }

  async #begin(tell: Tell): Promise<void> {
    const { stateDir } = this.#host;
    const key = makeWireguardKey();
    await this.#takeTurn(key, tell);
    try {
      placeNewKey(stateDir, key);
    } catch (cause) {
      this.#host.tell(undefined);
      throw cause;
    }
    await this.#out(key, tell);
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    this.#underWay = true;
    try {
      await work();
    } finally {
      this.#underWay = false;
    }
  }

  /** Something may have changed: etcd, or what the devices tell. */
  look(sessions?: PeerSessions): void {
    if (sessions !== undefined) this.#listen(sessions);
    for (const wake of this.#waiting) wake();
  }

  /** All stays as it is. */
  stop(): void {
    this.#stopped = true;
    this.#schedule?.stop();
    this.#host.board.set('rotation', []);
    this.look();
  }

  /** Until the lease tells the new key, and nobody else's does. Theirs is the turn who told first. */
  async #takeTurn({ publicKey }: NewKey, tell: Tell): Promise<void> {
    const { clock, random } = this.#host;
    const end = clock.now() + TURN_LIMIT;
    for (;;) {
      if (this.#otherTelling() === undefined) {
        this.#host.tell(publicKey);
        const isTold = await this.#until(() => this.#ownTells(publicKey), ECHO_LIMIT);
        if (isTold && this.#otherTelling() === undefined) return;
        this.#host.tell(undefined);
        if (!isTold) throw refused('etcd does not take the new key', 'see weft status');
      }
      tell({ step: 'turn', text: 'another host changes its key, and is waited for' });
      await this.#until(() => false, TURN_PAUSE * (1 + random()));
      const isFree = await this.#until(() => this.#otherTelling() === undefined, end - clock.now());
      if (!isFree) throw notYet(this.#otherTelling());
    }
  }

  /** The key of another host's lease that tells a new key. */
  #otherTelling(): string | undefined {
    for (const { key, mine, lease } of this.#host.leases())
      if (!mine && lease.detour !== undefined) return key;
    return undefined;
  }

  #ownTells(publicKey: PublicKey): boolean {
    for (const { mine, lease } of this.#host.leases())
      if (mine) return lease.detour?.publicKey === publicKey;
    return false;
  }

  async #out(key: NewKey, tell: Tell): Promise<void> {
    const { log, stateDir } = this.#host;
    log.info(
      { publicKey: key.publicKey },
      'changing the WireGuard key: traffic moves to the detour',
    );
    tell({ step: 'out', text: 'the new key is told, and traffic moves to it' });
    await this.#host.plan(rotationTo(this.#host.stateDir, key, 'out'));
    this.#host.tell(key.publicKey);
    const refusal = await this.#followed('out');
    if (refusal !== undefined) return await this.#giveUp(key, refusal, tell);
    await this.#arrive(key, 'out');
    enforceNewKey(stateDir, key);
    await this.#back(key, tell);
  }

  async #back(key: NewKey, tell: Tell): Promise<void> {
    const { log, stateDir } = this.#host;
    log.info({}, 'no peer sends by the old WireGuard key: it goes, and traffic moves back');
    tell({ step: 'back', text: 'no peer sends by the old key: it goes, and traffic moves back' });
    await this.#host.plan(rotationTo(this.#host.stateDir, key, 'back'));
    this.#host.tell(key.publicKey);
    await this.#followed('back');
    await this.#arrive(key, 'back');
    dropNewKey(stateDir);
    await this.#host.plan(undefined);
    this.#host.tell(undefined);
    log.info({ publicKey: key.publicKey }, 'the WireGuard key is another one');
    const { publicKey } = key;
    tell({ step: 'done', text: `the key of this host is now ${publicKey}`, publicKey });
  }

  /** All is sent by the way aimed at; what was sent by the other one before is there, too. */
  async #arrive(key: NewKey, phase: 'out' | 'back'): Promise<void> {
    await this.#host.plan(rotationTo(this.#host.stateDir, key, phase));
    await this.#until(() => false, TRANSIT);
  }

  /** Resolves when all peers have come along that can; with why it cannot go on, if so. */
  async #followed(phase: 'out' | 'back'): Promise<WeftError | undefined> {
    const { planner, clock, board } = this.#host;
    const start = clock.now();
    let refusal: WeftError | undefined;
    await this.#until(() => {
      const flanneld = phase === 'out' ? flanneldIn(planner.peers) : undefined;
      const found = verdict(phase, planner.behind(), clock.now() - start);
      if (flanneld !== undefined) refusal = cutsOff(flanneld);
      else if (found.type === 'give up') refusal = givenUp(found.reason);
      const isLate = found.type === 'wait' && found.late;
      board.set('rotation', isLate ? [waitingFor(found.for)] : []);
      return refusal !== undefined || found.type === 'go on';
    }, Infinity);
    return refusal;
  }

  /** Peers may send by the detour for long, as one that is cut off from etcd: it waits for them, not silently, and not for ever. */
  async #giveUp(key: NewKey, refusal: WeftError, tell: Tell): Promise<never> {
    const { board, clock, log, stateDir } = this.#host;
    log.warn({}, refusal.sentence);
    tell({ step: 'over', text: `${refusal.message}: traffic moves back` });
    board.set('rotation', [givingUp(refusal)]);
    await this.#host.plan(rotationTo(this.#host.stateDir, key, 'over'));
    this.#host.tell(undefined);
    this.#detourHeard.at = clock.now();
    const isSilent = (): boolean => clock.now() - this.#detourHeard.at > SILENCE;
    const isLeft = await this.#until(isSilent, OVER_LIMIT);
    dropNewKey(stateDir);
    await this.#host.plan(undefined);
    // The problem stands until the next change of a key: nothing tells when such a peer has come back.
    for (const { message } of board.set('rotation', isLeft ? [] : [cutOff()]))
      log.warn({}, message);
    throw refusal;
  }

  #listen(sessions: PeerSessions): void {
    let received = 0;
    for (const [name, session] of sessions)
      if (DETOUR_LINKS.some((link) => name.startsWith(`${link} `)))
        received += session.receivedBytes;
    if (received !== this.#detourHeard.received)
      this.#detourHeard = { received, at: this.#host.clock.now() };
  }

  #mayGoOn(): void {
    if (this.#stopped)
      throw new WeftError('WEFT_STOPPED', 'the change of key was interrupted, and goes on later');
  }

  /** Whether it came true within so many ms; looked at whenever something changes. Throws WEFT_STOPPED after `stop`. */
  async #until(isTrue: () => boolean, limit: number): Promise<boolean> {
    let isOver = limit <= 0;
    const cancel = Number.isFinite(limit)
      ? this.#host.clock.after(limit, () => {
          isOver = true;
          this.look();
        })
      : () => {};
    try {
      for (;;) {
        this.#mayGoOn();
        if (isTrue()) return true;
        if (isOver) return false;
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            this.#waiting.delete(wake);
            resolve();
          };
          this.#waiting.add(wake);
        });
      }
    } finally {
      cancel();
    }
  }
}

/**
 * How far the change of key in this directory is, `publicKey` being the one in force; undefined when there is none. Throws
 * FileError and KeyFileError.
 */
export function rotationIn(stateDir: string, publicKey: PublicKey): Rotation | undefined {
  const key = readNewKey(stateDir);
  return key && rotationTo(stateDir, key, key.publicKey === publicKey ? 'back' : 'out');
}

function rotationTo(stateDir: string, { publicKey }: NewKey, phase: Rotation['phase']): Rotation {
  const since = Math.floor((wireguardKeyTime(stateDir) ?? 0) / 1000);
  return { publicKey, phase, since };
}

function refused(message: string, fix: string): WeftError {
  return new WeftError('WEFT_ROTATION_REFUSED', message, { fix });
}

function notYet(lease = 'another'): WeftError {
  return refused(
    `the host of the lease ${lease} has been changing its key for some time`,
    'try again later, or remove that lease from etcd if the host is gone for good',
  );
}

function cutsOff(flanneld: string): WeftError {
  const message = `flanneld holds the lease ${flanneld}, and would be cut off by another key of this host`;
  return refused(message, 'move that host to weft first');
}

function givenUp(reason: string): WeftError {
  return new WeftError('WEFT_ROTATION_GIVEN_UP', `${reason}, so this host keeps its key`, {
    fix: 'see that weftd runs there, and that UDP ports of the detour are open (docs/wireguard.md)',
  });
}

function interrupted(): WeftError {
  const message = 'the change of key was interrupted before the new one was in force';
  return new WeftError('WEFT_ROTATION_GIVEN_UP', `${message}, so this host keeps its key`, {
    fix: 'change it again',
  });
}

function waitingFor(peer: string): { code: string; message: string; subject: string } {
  const message = `peer ${peer} has not come back from the detour that a new WireGuard key needed: see that weftd runs there`;
  return { code: 'ROTATION_WAITS', message, subject: peer };
}

function givingUp({ message }: WeftError): { code: string; message: string } {
  const waits = 'the detour stays until no peer sends by it';
  return { code: 'ROTATION_OVER', message: `${message}: ${waits}` };
}

function cutOff(): { code: string; message: string } {
  const message =
    'a peer still sent by the detour an hour after the change of key was given up, and does not reach this host until it has heard so: see that weftd runs on every host and reaches etcd';
  return { code: 'ROTATION_CUT_OFF', message };
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
