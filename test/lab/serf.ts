/** A real `serf agent` in a namespace, and the command `serf` beside it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { monotonicNow, type Child } from './child.ts';
import {
  hostPart,
  Sightings,
  WHERE,
  type Answers,
  type KeyCommand,
  type Peer,
  type Question,
  type SeenMember,
  type Sight,
} from './gossip-peer.ts';
import type { Host } from './host.ts';

export interface SerfOptions {
  readonly name: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** In base64; in plain text when absent. */
  readonly key?: string;
  /** `debug` unless told: then the payloads of events are in the log too. */
  readonly logLevel?: 'debug' | 'info';
  /** After so long it forgets who failed or left, in ms; a day unless told. It looks every 15 s only. */
  readonly forget?: number;
}

/** What its log says, and what that means; the first group is the name. The log itself has whole seconds only. */
const SIGHTS: readonly (readonly [RegExp, Sight])[] = [
  [/serf: EventMemberJoin: (\S+)/, 'join'],
  [/serf: EventMemberUpdate: (\S+)/, 'update'],
  [/serf: EventMemberLeave(?: \(forced\))?: (\S+)/, 'leave'],
  [/serf: EventMemberFailed: (\S+)/, 'failed'],
  [/serf: EventMemberReap: (\S+)/, 'reap'],
  [/memberlist: Suspect (\S+) has failed/, 'suspect'],
  [/memberlist: Refuting a \w+ message \(from: (\S+)\)/, 'refute'],
  [/agent: Received event: user-event: (.*)/, 'event'],
  [/agent: Event 'user' script output: (.*)/, 'payload'],
  [/agent: Received event: query: (.*)/, 'query'],
];
const QUITTING = '[WARN] agent: Serf shutdown detected, quitting';
/** How long an agent has to start, or to leave, in ms. */
const LIMIT = 20_000;

export class SerfAgent implements Peer {
  readonly kind = 'serf';
  readonly name: string;
  readonly place: Host;
  readonly child: Child;
  readonly sightings: Sightings;
  /** When it last began to join others. */
  #joining = 0;

  constructor(place: Host, options: SerfOptions) {
    this.name = options.name;
    this.sightings = new Sightings(options.name);
    this.place = place;
    const flags = [...flagsOf(place, options), ...fileFlags(place, options)];
    this.child = place.spawn('serf', ['agent', ...flags], {
      onLine: (line, at) => this.#look(line, at),
    });
  }

  async ready(): Promise<this> {
    await this.child.waitForLine(/agent: Serf agent starting/, LIMIT);
    return this;
  }

  /**
   * Lines of its log at level warn and above, but for what it says of its own leaving, and of having come back under its
   * name: it takes the news of its own death from its new join for an accusation by itself.
   */
  complaints(): string[] {
    const own = [QUITTING, `[WARN] memberlist: Refuting a suspect message (from: ${this.name})`];
    return this.child.lines.filter(
      (line) =>
        /\[(WARN|ERR|ERROR)\]|panic:/.test(line) && !own.some((each) => line.endsWith(each)),
    );
  }

  async members(): Promise<Map<string, SeenMember>> {
    const text = await this.output('members', '-format', 'json');
    const { members } = JSON.parse(text) as { members: (SeenMember & { name: string })[] };
    return new Map(members.map(({ name, status, tags }) => [name, { status, tags }]));
  }

  async join(...addresses: readonly string[]): Promise<number> {
    const asked = monotonicNow();
    await this.output('join', ...addresses.map(hostPart));
    await this.child.untilOr(() => this.#joining >= asked, {
      within: LIMIT,
      what: 'its log says that it joins',
    });
    return this.#joining;
  }

  async setTag(tag: string, value: string | undefined): Promise<void> {
    await this.output(
      'tags',
      ...(value === undefined ? ['-delete', tag] : ['-set', `${tag}=${value}`]),
    );
  }

  async event(name: string, payload: string): Promise<void> {
    await this.output('event', '-coalesce=false', name, payload);
  }

  async query(question: Question): Promise<Answers> {
    const { name, payload = '', nodes = [], tags = {}, relayFactor = 0, timeout = 2000 } = question;
    const text = await this.output(
      'query',
      '-format=json',
      `-timeout=${timeout}ms`,
      `-relay-factor=${relayFactor}`,
      ...nodes.map((node) => `-node=${node}`),
      ...Object.entries(tags).map(([tag, expression]) => `-tag=${tag}=${expression}`),
      name,
      payload,
    );
    const { Acks, Responses } = JSON.parse(text) as {
      Acks: string[] | null;
      Responses: Record<string, string>;
    };
    return { acks: (Acks ?? []).toSorted(), answers: Responses };
  }

  async changeKey(command: KeyCommand, key: string): Promise<void> {
    await this.output('keys', `-${command}=${key}`);
  }

  async keys(): Promise<Map<string, number>> {
    const text = await this.output('keys', '-list');
    return new Map(
      [...text.matchAll(/^(\S+)\s+\[(\d+)\/\d+\]/gm)].map(([, key = '', count]) => [
        key,
        Number(count),
      ]),
    );
  }

  async forceLeave(name: string): Promise<void> {
    await this.output('force-leave', name);
  }

  async leave(): Promise<void> {
    await this.child.stop('SIGINT');
  }

  async kill(): Promise<void> {
    await this.child.stop('SIGKILL');
  }

  /** Output of `serf COMMAND`; rejects, with the end of the agent's log, when it fails. */
  async output(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.place.exec('serf', [command, ...args]);
    if (code === 0) return stdout;
    const what = `serf ${command} ${args.join(' ')} on ${this.name} ended with ${code}`;
    throw new Error(`${what}: ${stdout.trim()} ${stderr.trim()}\n${this.child.tail()}`);
  }

  #look(line: string, at: number): void {
    if (line.includes('agent: joining:')) this.#joining = at;
    for (const [pattern, what] of SIGHTS) {
      const [, name] = pattern.exec(line) ?? [];
      if (name !== undefined) return this.sightings.note({ at, what, name });
    }
  }
}

function flagsOf(place: Host, options: SerfOptions): string[] {
  const { name, tags = {}, key, logLevel = 'debug' } = options;
  return [
    `-node=${name}`,
    `-bind=${hostPart(place.address)}`,
    '-profile=lan',
    `-log-level=${logLevel}`,
    // At debug its output is in the log.
    ...(logLevel === 'debug' ? ['-event-handler=user=echo "$SERF_USER_EVENT $(cat)"'] : []),
    // It complains of a handler that does not read the payload.
    `-event-handler=query:${WHERE}=cat >/dev/null; printf %s "$SERF_SELF_NAME"`,
    ...Object.entries(tags).map(([tag, value]) => `-tag=${tag}=${value}`),
    ...(key === undefined ? [] : [`-encrypt=${key}`]),
  ];
}

/** What cannot be said by flags. */
function fileFlags(place: Host, { name, forget }: SerfOptions): string[] {
  if (forget === undefined) return [];
  const file = join(place.directory, `${name}.json`);
  const time = `${forget}ms`;
  writeFileSync(file, JSON.stringify({ reconnect_timeout: time, tombstone_timeout: time }));
  return [`-config-file=${file}`];
}
