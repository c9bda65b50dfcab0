/**
 * One gossip member by itself, for benchmarks and trials beside Serf's agent: see program.ts for how to start it.
 * Events go to stdout and commands come from stdin, a line of JSON each. `at` is CLOCK_MONOTONIC in ms, the same for
 * all processes of a machine.
 *
 *     {"do":"join","places":["192.0.2.1"]}   {"do":"event","name":"deploy","payload":"now"}   {"do":"query","name":"who"}
 *     {"do":"tags","tags":{"role":"db"}}     {"do":"put","kind":"name","key":"web","payload":"1"}
 *     {"do":"keys","operation":"install","key":"BASE64"}   {"do":"members"}   {"do":"stats"}
 *     {"do":"forceLeave","name":"m2","prune":true}         {"do":"leave"}
 *
 * Each is answered by a line with `reply` and, if the command has one, its `id`. It ends after `leave`, and at the end of stdin without a word to the others.
 */
import { parseArgs } from 'node:util';
import {
  LAN,
  parseKey,
  SERF,
  startGossip,
  type GossipAgent,
  type GossipMember,
  type KeyOperation,
  type NodeEvent,
  type SerfSettings,
  type Settings,
} from '../../../controlplane/gossip/index.ts';

type Command = { readonly id?: number } & (
  | { readonly do: 'join'; readonly places: readonly string[] }
  | { readonly do: 'event'; readonly name: string; readonly payload?: string }
  | ({ readonly do: 'query'; readonly name: string } & Question)
  | { readonly do: 'tags'; readonly tags: Readonly<Record<string, string>> }
  | { readonly do: 'put'; readonly kind: string; readonly key: string; readonly payload: string }
  | { readonly do: 'keys'; readonly operation: KeyOperation; readonly key?: string }
  | { readonly do: 'forceLeave'; readonly name: string; readonly prune?: boolean }
  | { readonly do: 'members' | 'stats' | 'leave' }
);

interface Question {
  readonly payload?: string;
  readonly nodes?: readonly string[];
  /** Regular expressions. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly relays?: number;
  /** In ms. */
  readonly timeout?: number;
}

function say(line: object): void {
  const at = Number(process.hrtime.bigint()) / 1e6;
  process.stdout.write(`${JSON.stringify({ at, ...line })}\n`);
}

function tell(event: NodeEvent): void {
  switch (event.kind) {
    case 'member': {
      const { name, status } = event.member;
      return say({ event: 'member', change: event.change, name, status });
    }
    case 'event':
      return say({ event: 'event', name: event.name, payload: textOf(event.payload) });
    case 'query':
      event.respond(bytesOf(agent.name));
      return say({ event: 'query', name: event.name, from: event.from });
    case 'record': {
      const { owner, kind, key } = event.change.after ?? event.change.before ?? {};
      return say({ event: 'record', gone: event.change.after === undefined, owner, kind, key });
    }
    case 'keyring':
      return say({ event: 'keyring', keys: event.keyring.length });
    case 'conflict':
      return say({ event: 'conflict', name: event.name });
  }
}

async function obey(command: Command): Promise<object | undefined> {
  switch (command.do) {
    case 'join':
      return { joined: (await agent.join(command.places)).joined };
    case 'event':
      agent.userEvent(command.name, bytesOf(command.payload));
      return undefined;
    case 'query':
      return ask(command.name, command);
    case 'tags':
      agent.setTags(new Map(Object.entries(command.tags)));
      return undefined;
    case 'put':
      agent.put(command.kind, command.key, bytesOf(command.payload));
      return undefined;
    case 'keys':
      return agent.keys(
        command.operation,
        command.key === undefined ? undefined : parseKey(command.key),
      );
    case 'forceLeave':
      agent.forceLeave(command.name, command.prune === true ? { prune: true } : {});
      return undefined;
    case 'members':
      return { members: agent.members().map(row) };
    case 'stats':
      return { ...agent.counts, problems: agent.problems(), cpu: process.cpuUsage() };
    case 'leave':
      return agent.stop({ leave: true }).then(() => undefined);
  }
}

function ask(name: string, { payload, tags, ...rest }: Question): Promise<object> {
  const acks: string[] = [];
  const answers: Record<string, string> = {};
  const options = {
    ...rest,
    ack: true,
    payload: bytesOf(payload),
    ...(tags === undefined ? {} : { tags: new Map(Object.entries(tags)) }),
  };
  return new Promise((resolve) => {
    agent.query(name, options, {
      acked: (from) => acks.push(from),
      answered: (from, text) => (answers[from] = textOf(text)),
      done: () => resolve({ acks, answers }),
    });
  });
}

function row({ name, address, status, tags, rtt }: GossipMember): object {
  return { name, address, status, tags: Object.fromEntries(tags), rtt };
}

async function run(line: string): Promise<void> {
  const command = JSON.parse(line) as Command;
  const { do: reply, id } = command;
  try {
    say({ reply, id, ...(await obey(command)) });
  } catch (error) {
    say({ reply, id, error: (error as Error).message });
  }
  if (command.do === 'leave') process.exit();
}

function readCommands(): void {
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) void run(line);
  });
  process.stdin.on('end', () => process.exit());
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function bytesOf(text = ''): Uint8Array {
  return new Uint8Array(Buffer.from(text));
}

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'member' },
    bind: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '7946' },
    join: { type: 'string', multiple: true, default: [] },
    tag: { type: 'string', multiple: true, default: [] },
    key: { type: 'string', multiple: true, default: [] },
    'key-file': { type: 'string' },
    snapshot: { type: 'string' },
    settings: { type: 'string', default: '{}' },
    'serf-settings': { type: 'string', default: '{}' },
  },
});
const { 'key-file': keyFile, snapshot: snapshotFile } = values;
const agent: GossipAgent = startGossip({
  name: values.name,
  bind: values.bind,
  port: Number(values.port),
  join: values.join,
  tags: new Map(values.tag.map((tag) => tag.split('=', 2) as [string, string])),
  keyring: values.key.map(parseKey),
  settings: { ...LAN, ...(JSON.parse(values.settings) as Partial<Settings>) },
  serf: { ...SERF, ...(JSON.parse(values['serf-settings']) as Partial<SerfSettings>) },
  ...(keyFile === undefined ? {} : { keyFile }),
  ...(snapshotFile === undefined ? {} : { snapshotFile }),
  log: (level, message) => say({ event: 'log', level, message }),
});
agent.watch(tell);
await agent.ready();
say({ event: 'ready', address: agent.address });
readCommands();
