/** The gossip agent, as weftd uses it. */
import { statSync } from 'node:fs';
import {
  startGossip,
  type GossipAgent,
  type GossipCounts as AgentCounts,
  type GossipMember as AgentMember,
  type KeyResult,
  type NodeEvent,
} from '../../controlplane/gossip/index.ts';
import { addressToBytes } from '../ip/address.ts';
import { partsOf, type SocketAddress } from '../ip/socket-address.ts';
import type {
  GossipCounts,
  GossipMember,
  GossipProblem,
  KeyReport,
  MemberView,
  OpenOptions,
} from './member.ts';

/** Throws an Error of one sentence when the settings cannot be. */
export function openMember(options: OpenOptions): GossipMember {
  const { place, listening } = options;
  const listen = partsOf(place.listen);
  const problems = new Problems(options);
  const agent = startGossip({
    name: options.name,
    bind: listen.address,
    port: listen.port,
    advertise: partsOf(place.advertise),
    join: options.join,
    tags: options.tags,
    ...(options.keyFile === undefined ? {} : { keyFile: options.keyFile }),
    snapshotFile: options.snapshotFile,
    seeds: () => options.seeds().map(endpointOf),
    onProblems: () => problems.changed(),
  });
  problems.follow(agent);
  if (options.keyFile !== undefined) warnIfOpen(options.keyFile, options.warn);
  agent.watch((event) => onEvent(agent, event, options));
  void tellReady(agent, listening);
  return {
    get address() {
      return agent.address as SocketAddress | undefined;
    },
    get isEncrypted() {
      return agent.isEncrypted;
    },
    get counts() {
      return countsOf(agent.counts);
    },
    members: () => agent.members().map(viewOf),
    // What became of it the members tell.
    join: async (places) => void (await agent.join(places).catch(() => undefined)),
    put: (kind, key, payload) => agent.put(kind, key, payload),
    remove: (kind, key) => void agent.remove(kind, key),
    records: (kind) => agent.records?.list(kind) ?? [],
    sayOnce: (name, payload) => agent.userEvent(name, payload),
    ask: (name, expected, question) => answersTo(agent, name, expected, question),
    ping: (number, length) => agent.ping(number, length),
    answer: (packet, from, answered) => agent.answer(packet, endpointOf(from), answered),
    keys: async (operation, key) => reportOf(await agent.keys(operation, key)),
    async close(how) {
      problems.end();
      await agent.stop(how);
    },
  };
}

async function tellReady(agent: GossipAgent, listening: () => void): Promise<void> {
  try {
    await agent.ready();
  } catch {
    // It was stopped before.
    return;
  }
  listening();
}

function onEvent(agent: GossipAgent, event: NodeEvent, options: OpenOptions): void {
  const { changed, recorded, heard } = options;
  if (event.kind === 'record') recorded(event.change);
  if (event.kind === 'event') heard(event.name, event.payload);
  if (event.kind === 'query') void respond(event, options);
  if (event.kind !== 'member') return;
  if (event.change === 'reap') changed({ type: 'removed', name: event.member.name });
  else changed({ type: 'present', member: viewOf(agent.memberOf(event.member)) });
}

async function respond(
  { name, payload, respond }: Extract<NodeEvent, { readonly kind: 'query' }>,
  { asked, warn }: OpenOptions,
): Promise<void> {
  try {
    const answer = await asked(name, payload);
    if (answer !== undefined) respond(answer);
  } catch (cause) {
    // It was stopped meanwhile, or the answer was too long.
    warn(`the question ${name} of another host was not answered: ${messageOf(cause)}`);
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** Every member that runs weftd has it. */
const WEFT_TAG = 'weft';
/** In ms, for a query whose end is never told, as gossip was stopped. Serf's own limit is about 3 s. */
const ASK_LIMIT = 20_000;

async function answersTo(
  agent: GossipAgent,
  name: string,
  expected: readonly string[],
  payload: Uint8Array = new Uint8Array(),
): Promise<ReadonlyMap<string, Uint8Array>> {
  const answers = new Map<string, Uint8Array>();
  return await new Promise((resolve) => {
    const alarm = setTimeout(() => resolve(answers), ASK_LIMIT);
    const done = (): void => {
      clearTimeout(alarm);
      resolve(answers);
    };
    const answered = (from: string, payload: Uint8Array): void => {
      answers.set(from, payload);
      if (expected.every((member) => answers.has(member))) done();
    };
    agent.query(name, { payload, tags: new Map([[WEFT_TAG, '.']]) }, { answered, done });
  });
}

function viewOf({ name, address, status, tags, rtt, since, isSelf }: AgentMember): MemberView {
  return {
    name,
    address: address as SocketAddress,
    status,
    tags: Object.fromEntries(tags),
    ...(rtt === undefined ? {} : { roundTripMs: rtt }),
    since,
    mine: isSelf,
  };
}

function endpointOf(place: SocketAddress) {
  const { address, port } = partsOf(place);
  return { addr: addressToBytes(address), port };
}

function reportOf({ answers, silent }: KeyResult): KeyReport {
  const keys = new Map<string, { members: number; primary: number }>();
  for (const answer of answers) {
    for (const key of answer.keys) {
      const { members, primary } = keys.get(key) ?? { members: 0, primary: 0 };
      const isPrimary = key === answer.primary;
      keys.set(key, { members: members + 1, primary: primary + (isPrimary ? 1 : 0) });
    }
  }
  return {
    keys: [...keys].map(([key, numbers]) => ({ key, ...numbers })),
    answers: [
      ...answers.map(({ name: member, ok, message }) =>
        message === '' ? { member, ok } : { member, ok, message },
      ),
      ...silent.map((member) => ({ member, ok: false, message: 'no answer' })),
    ],
  };
}

function countsOf({ net, node, members }: AgentCounts): GossipCounts {
  return {
    members,
    packets: { in: net.packetsReceived, out: net.packetsSent },
    streams: { in: net.streamsAccepted, out: net.streamsDialled },
    bytes: {
      in: net.bytesReceived + net.streamBytesReceived,
      out: net.bytesSent + net.streamBytesSent,
    },
    dropped: {
      ...node?.serf.refused,
      overload: net.packetsDropped + net.streamsDropped,
      'send-failed': net.sendsFailed + net.sendsDropped + net.packetsUnsendable,
      'connect-failed': net.dialsFailed,
    },
    failedProbes: node?.swim.probeFailures ?? 0,
    suspicions: node?.swim.suspicions ?? 0,
    refutations: node?.swim.refutations ?? 0,
    queued: (node?.serf.queued ?? 0) + (node?.records['queued'] ?? 0),
    awareness: node?.swim.awareness ?? 0,
  };
}

/** How often problems are looked at that go by themselves, in ms. */
const LOOK_AGAIN = 30_000;

/** What the agent finds wrong, told when it is another. */
class Problems {
  readonly #tell: OpenOptions['troubled'];
  #agent: GossipAgent | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ troubled }: OpenOptions) {
    this.#tell = troubled;
  }

  follow(agent: GossipAgent): void {
    this.#agent = agent;
    if (agent.problems().length > 0) this.changed();
  }

  changed(): void {
    clearTimeout(this.#timer);
    if (this.#agent === undefined) return;
    const problems = this.#agent.problems().map(({ code, subject, message }): GossipProblem => {
      const name = `GOSSIP_${code.toUpperCase().replaceAll('-', '_')}`;
      return subject === '' ? { code: name, message } : { code: name, message, subject };
    });
    this.#tell(problems);
    if (problems.length > 0) this.#timer = setTimeout(() => this.changed(), LOOK_AGAIN).unref();
  }

  end(): void {
    this.#agent = undefined;
    clearTimeout(this.#timer);
  }
}

const OTHERS_READ = 0o004;

function warnIfOpen(path: string, warn: OpenOptions['warn']): void {
  const { mode } = statSync(path, { throwIfNoEntry: false }) ?? { mode: 0 };
  if ((mode & OTHERS_READ) !== 0)
    warn(`${path} can be read by others, and with it all gossip: take that away with chmod 600`);
}
