/** A few minutes in which things go wrong, drawn from the seed, then calm: everybody must come to know the truth. */
import type { Random } from '../../../controlplane/gossip/random.ts';
import { RECORDS } from '../../../controlplane/gossip/records/index.ts';
import { SERF } from '../../../controlplane/gossip/serf/index.ts';
import { LAN } from '../../../controlplane/gossip/swim/settings.ts';
import { Cluster, type Member } from './cluster.ts';
import { drawCut, type NamedCut } from './cuts.ts';
import { Excuses } from './excuses.ts';
import { detectionBound, pushPullInterval, suspicionMax } from './model.ts';
import { Accuracy, difference, misjudged, Monotony } from './properties.ts';
import { between, exponential, pick, stream } from './random.ts';
import { Rates } from './rates.ts';
import { drawWeather, type Weather } from './weather.ts';
import { Violation } from './violation.ts';

/** All in ms. */
const SECOND = 1_000;
/** Between two faults, on average. */
const PAUSE = 4 * SECOND;
/** A stop of so long nobody may notice. */
const SHORT_STOP = 4 * SECOND;
const LONG_STOP = 20 * SECOND;
/** After a stop, and after a start. */
const BACK_AFTER_STOP = SECOND;
const BACK_AFTER_START = 2 * SECOND;
/** Of the leave before a start: incarnations begin anew, and who did not hear of it in time may take it for the newer. */
const ECHO = 60 * SECOND;
/** After a cut everybody has found everybody. */
const FOUND = 60 * SECOND;
/** After the last fault everybody knows the same: they have found each other, and exchanged what they know. */
const EXCHANGED = 60 * SECOND;
/** So long it must stay so. */
const STABLE = 15 * SECOND;
/**
 * News goes past a member now and then: each of 50 sends it 8 times, so one hears nothing with a chance of e^−8. What
 * it missed it learns from the next push/pull.
 */
const PASSED_OVER = 1;
/** Share. */
const WRONG_CLOCKS = 0.05;
/** So many are looked at while all are waited for. */
const WITNESSES = 50;
/** More than these know each other from the start, and do not join one by one. */
const CROWD = 200;
/** Keys of records of a member. */
const KEYS = 5;

export interface ScenarioOptions {
  readonly seed: number;
  readonly size: number;
  /** Of the faults, in ms. */
  readonly duration: number;
  readonly weather?: Weather;
  /** Told what happens. */
  readonly log?: (line: string) => void;
}

export interface Outcome {
  readonly weather: string;
  readonly actions: number;
  /** Ms from the last fault until all knew the same. */
  readonly converged: number;
  /** Ms until each death was known to all. */
  readonly detections: readonly number[];
  readonly packets: number;
  readonly bytes: number;
}

interface Action {
  readonly weight: number;
  readonly act: () => void;
}

/** Throws a Violation, which the same options bring about again. */
export function runScenario(options: ScenarioOptions): Outcome {
  return new Scenario(options).run();
}

class Scenario {
  readonly #options: ScenarioOptions;
  readonly #cluster: Cluster;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #excuses: Excuses;
  readonly #rates: Rates;
  readonly #actions: readonly Action[];
  readonly #detections: number[] = [];
  #count = 0;
  #cuts = 0;

  constructor(options: ScenarioOptions) {
    const { seed, size } = options;
    this.#options = options;
    this.#random = stream(seed, 'scenario');
    this.#weather = options.weather ?? drawWeather(this.#random);
    const { forgetful, drift } = this.#weather;
    this.#cluster = new Cluster({
      seed,
      size,
      drift,
      wrong: WRONG_CLOCKS,
      serf: forgetful
        ? {
            ...SERF,
            failedTimeout: 25 * SECOND,
            leftTimeout: 25 * SECOND,
            reapInterval: 5 * SECOND,
          }
        : SERF,
      settings: forgetful ? { ...LAN, gossipToTheDead: 10 * SECOND } : LAN,
      records: forgetful ? { ...RECORDS, failedGrace: 10 * SECOND } : RECORDS,
    });
    this.#excuses = new Excuses(this.#cluster);
    this.#rates = new Rates(this.#cluster);
    this.#cluster.observers.push(
      new Accuracy(this.#cluster, this.#excuses),
      new Monotony(this.#cluster),
    );
    this.#actions = this.#listActions();
  }

  run(): Outcome {
    const { size, duration } = this.#options;
    const cluster = this.#cluster;
    this.#log(`${size} members, ${this.#weather.name}`);
    this.#startAll();
    this.#weather.apply(cluster, this.#random);
    this.#rates.start();
    this.#later(cluster.now + duration);
    cluster.run(duration);
    this.#weather.end(cluster);
    for (const cut of this.#excuses.cuts) this.#heal(cut);
    cluster.run(Math.max(0, ...Array.from(this.#stops.values(), (wake) => wake - cluster.now)));
    const converged = this.#awaitConvergence();
    const { packets, bytes } = cluster.network.counts;
    return {
      weather: this.#weather.name,
      actions: this.#count,
      converged,
      detections: this.#detections,
      packets,
      bytes,
    };
  }

  /** What gossip went past somebody with, comes with a push/pull, which is rarer among many; with the second at the latest. */
  #exchanged(): number {
    return Math.max(EXCHANGED, pushPullInterval(this.#options.size, LAN));
  }

  #startAll(): void {
    const cluster = this.#cluster;
    if (this.#options.size > CROWD) return cluster.startTogether(cluster.members);
    for (const member of cluster.members)
      cluster.events.at(this.#random() * 10 * SECOND, () => cluster.start(member));
    cluster.run(20 * SECOND);
  }

  #awaitConvergence(): number {
    const cluster = this.#cluster;
    const start = cluster.now;
    // Of many it takes long to look at all: some are looked at until they agree, then all, then whoever did not.
    const some = cluster.up.slice(0, WITNESSES);
    for (;;) {
      const problem = difference(cluster, some) ?? difference(cluster);
      if (problem === undefined) break;
      if (cluster.now - start > FOUND + this.#exchanged())
        throw this.#violation(`calm, and still ${problem.text}`);
      if (!some.includes(problem.at)) some.unshift(problem.at);
      cluster.run(SECOND / 4);
    }
    const converged = cluster.now - start;
    this.#log(`all know the same after ${converged} ms`);
    for (let waited = 0; waited < STABLE; waited += SECOND) {
      cluster.run(SECOND);
      const problem = difference(cluster, some);
      if (problem !== undefined) throw this.#violation(`knew the same, and now ${problem.text}`);
    }
    return converged;
  }

  #later(end: number): void {
    const { events } = this.#cluster;
    const at = events.now + exponential(this.#random, PAUSE);
    if (at > end) return;
    events.at(at, () => {
      this.#act();
      this.#later(end);
    });
  }

  #act(): void {
    const total = this.#actions.reduce((sum, { weight }) => sum + weight, 0);
    let at = this.#random() * total;
    this.#count++;
    for (const { weight, act } of this.#actions) {
      at -= weight;
      if (at < 0) return act();
    }
  }

  #listActions(): Action[] {
    const { forgetful } = this.#weather;
    const cluster = this.#cluster;
    const one = (act: (member: Member) => void) => () => {
      const member = pick(this.#random, cluster.up);
      if (!member.host.isStopped) act(member);
    };
    return [
      { weight: 3, act: one((member) => this.#crash(member)) },
      { weight: 3, act: () => this.#restart() },
      { weight: 2, act: one((member) => this.#leave(member)) },
      {
        weight: 2,
        act: one((member) => this.#stop(member, between(this.#random, 100, SHORT_STOP))),
      },
      { weight: 1, act: one((member) => this.#stop(member, LONG_STOP)) },
      { weight: forgetful ? 2 : 1, act: () => this.#cut() },
      { weight: 6, act: one((member) => this.#put(member)) },
      { weight: 3, act: one((member) => this.#remove(member)) },
      { weight: 1, act: one((member) => this.#setTags(member)) },
      { weight: 1, act: one((member) => cluster.event(member, `event-${this.#count}`)) },
    ];
  }

  #crash(member: Member): void {
    const cluster = this.#cluster;
    if (cluster.up.length <= 0.6 * this.#options.size) return;
    const machine = this.#random() < 0.5;
    this.#log(`${machine ? 'the machine' : 'the process'} of ${member.name} dies`);
    cluster.crash(member, { machine });
    this.#expectDetection(member);
    // Sometimes it is back at once.
    if (this.#random() < 0.3)
      cluster.events.at(cluster.now + between(this.#random, 0, 5 * SECOND), () =>
        this.#start(member),
      );
  }

  #expectDetection(member: Member): void {
    const cluster = this.#cluster;
    const { events } = cluster;
    const died = cluster.now;
    const { run } = member.host;
    const witnesses = cluster.up.map((witness) => ({ witness, run: witness.host.run }));
    const cuts = this.#cuts;
    const bound = detectionBound(this.#options.size, LAN, this.#weather.loss);
    const unaware = (): Member[] =>
      witnesses
        .filter(({ witness, run }) => witness.isUp && witness.host.run === run)
        .map(({ witness }) => witness)
        .filter((witness) => isHere(witness, member) && !this.#wasStopped(witness, died));
    const look = (): void => {
      if (member.host.run !== run || this.#cuts !== cuts || cluster.network.cuts.size > 0) return;
      const [first] = unaware();
      if (first === undefined) return void this.#detections.push(cluster.now - died);
      if (cluster.now - died > bound)
        throw this.#violation(
          `${first.name} does not know that ${member.name} died ${((cluster.now - died) / SECOND).toFixed(1)} s ago`,
        );
      events.at(cluster.now + SECOND / 4, look);
    };
    look();
  }

  #wasStopped(member: Member, since: number): boolean {
    return (this.#stops.get(member) ?? -1) >= since || member.host.isStopped;
  }

  readonly #stops = new Map<Member, number>();

  #restart(): void {
    const gone = this.#cluster.members.filter(({ program }) => program === undefined);
    if (gone.length > 0) this.#start(pick(this.#random, gone));
  }

  #start(member: Member): void {
    if (member.program !== undefined) return;
    const remember = this.#random() < 0.5;
    this.#log(`${member.name} starts${remember ? ' and remembers' : ''}`);
    this.#cluster.start(member, { remember });
    // A suspicion of its former life may still be under way where it is lossy.
    this.#excuses.one(member, this.#cluster.now + this.#patience(BACK_AFTER_START));
    this.#excuses.echo(member, this.#cluster.now + ECHO);
    this.#expectBack(member, BACK_AFTER_START, 'started');
    for (let count = 0; count < 2; count++) if (this.#random() < 0.5) this.#put(member);
  }

  /** After `delay` all that run and are not hindered see it as it is. */
  #expectBack(member: Member, delay: number, since: string): void {
    const cluster = this.#cluster;
    const { run } = member.host;
    const { tag } = member;
    const cuts = this.#cuts;
    const start = cluster.now;
    if (this.#weather.isHard || this.#excuses.isUnsettled) return;
    const witnesses = cluster.up.map((witness) => ({ witness, run: witness.host.run }));
    cluster.events.at(start + delay, () => {
      const isHindered =
        !member.isUp || member.host.run !== run || this.#wasStopped(member, start + 1);
      if (isHindered || member.tag !== tag || this.#cuts !== cuts) return;
      const problems = witnesses
        .filter(({ witness, run }) => witness.isUp && witness.host.run === run)
        .filter(({ witness }) => !this.#wasStopped(witness, start))
        .flatMap(({ witness }) => misjudged(witness, member) ?? []);
      if (problems.length > PASSED_OVER)
        throw this.#violation(`${problems[0]}; it ${since} ${delay / SECOND} s ago`);
    });
  }

  #leave(member: Member): void {
    if (this.#cluster.up.length <= 0.6 * this.#options.size) return;
    this.#log(`${member.name} leaves`);
    this.#cluster.leave(member);
  }

  #stop(member: Member, time: number): void {
    const cluster = this.#cluster;
    const machine = this.#random() < 0.3;
    this.#log(`${machine ? 'the machine' : 'the process'} of ${member.name} stops for ${time} ms`);
    const wake = cluster.now + time;
    this.#stops.set(member, wake);
    member.host.stop(time, { machine });
    if (time > SHORT_STOP || this.#weather.isHard)
      this.#excuses.one(member, wake + this.#patience(BACK_AFTER_STOP));
    this.#excuses.reader(member, wake + BACK_AFTER_STOP);
    cluster.events.at(wake, () => {
      if (this.#stops.get(member) === wake) this.#expectBack(member, BACK_AFTER_STOP, 'woke');
    });
  }

  #cut(): void {
    const cluster = this.#cluster;
    if (cluster.network.cuts.size > 1) return;
    const cut = drawCut(this.#random, cluster);
    const time = between(this.#random, 2, this.#weather.forgetful ? 90 : 40) * SECOND;
    this.#log(`${cut.name} for ${time} ms`);
    this.#cuts++;
    cluster.network.cuts.add(cut);
    this.#excuses.cuts.add(cut);
    cluster.events.at(cluster.now + time, () => this.#heal(cut));
  }

  #heal(cut: NamedCut): void {
    const cluster = this.#cluster;
    if (!this.#excuses.cuts.delete(cut)) return;
    cluster.network.cuts.delete(cut);
    this.#log(`healed: ${cut.name}`);
    this.#cuts++;
    this.#excuses.all(cluster.now + FOUND + this.#patience(0));
    if (cluster.network.cuts.size > 0) return;
    const cuts = this.#cuts;
    const healed = cluster.now;
    const witnesses = cluster.up;
    cluster.events.at(healed + FOUND, () => {
      if (this.#cuts !== cuts || this.#weather.isHard) return;
      this.#expectFound(
        witnesses.filter((member) => member.isUp && !this.#wasStopped(member, healed)),
      );
    });
  }

  #expectFound(members: readonly Member[]): void {
    for (const at of members)
      for (const member of members)
        if (!isHere(at, member))
          throw this.#violation(
            `${at.name} has not found ${member.name}, ${FOUND} ms after the cut`,
          );
  }

  #put(member: Member): void {
    const key = `key-${Math.floor(this.#random() * KEYS)}`;
    const payload = this.#cluster.put(member, key);
    this.#log(`${member.name} says ${key} = ${payload}`);
  }

  #remove(member: Member): void {
    if (member.records.size === 0) return;
    const key = pick(this.#random, [...member.records.keys()]);
    this.#log(`${member.name} takes back ${key}`);
    this.#cluster.remove(member, key);
  }

  #setTags(member: Member): void {
    this.#cluster.setTags(member);
    this.#log(`${member.name} changes its tags, run = ${member.tag}`);
  }

  /** So long a living one may be taken for dead after a fault: where packets get lost, until a suspicion is over. */
  #patience(time: number): number {
    return this.#weather.isHard ? suspicionMax(this.#options.size, LAN) : time;
  }

  #violation(problem: string): Violation {
    return new Violation(this.#cluster.seed, this.#cluster.now, problem);
  }

  #log(line: string): void {
    this.#options.log?.(`${(this.#cluster.now / SECOND).toFixed(3).padStart(9)}  ${line}`);
  }
}

function isHere(at: Member, member: Member): boolean {
  const status = at.program?.member(member.name)?.status;
  return status === 'alive' || status === 'leaving';
}
