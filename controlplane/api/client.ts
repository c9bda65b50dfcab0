/** The other end of the control API: what the command `weft` asks the daemon with. */
import { clusterCalls, type ClusterCalls } from './cluster-client.ts';
import { dnsCalls, type DnsCalls } from './dns-client.ts';
import { endpointCalls, type EndpointCalls } from './endpoint-client.ts';
import type {
  Key,
  KeyAction,
  KeyAnswer,
  KeyReport,
  Lease,
  LeaseEvent,
  Member,
  MemberEvent,
  Peer,
  PeerEvent,
  Plan,
  PlanOperation,
  PlanResource,
  RotationStep,
  Status,
} from './model.ts';
import { networkCalls, type NetworkCalls } from './network-client.ts';
import { Rpc } from './rpc.ts';
import { CONTROL } from './service.ts';
import type {
  KeyPage,
  LeasePage,
  LeaseUpdate,
  MemberPage,
  MemberUpdate,
  PeerPage,
  PeerUpdate,
  PlanPage,
} from './streams.ts';

/** For one message. */
const CALL_LIMIT_MS = 5000;
/** For a whole list or plan of a large network, and for the answers of all members. */
const LIST_LIMIT_MS = 60_000;
/** For a change of key, with those of others before it. */
const ROTATION_LIMIT_MS = 300_000;

export interface ControlClientOptions {
  /** For one message. Default 5000. */
  readonly callLimitMs?: number;
  /** For a whole list or plan. Default 60,000. */
  readonly listLimitMs?: number;
}

/** Every call throws a WeftError. Close it, or the process stays alive. */
export interface ControlClient {
  status(): Promise<Status>;
  /** The status now, then whenever it has changed. */
  watchStatus(): AsyncIterable<Status>;
  leases(): AsyncIterable<Lease>;
  /** Every lease, `complete`, then changes. */
  watchLeases(): AsyncIterable<LeaseEvent>;
  plan(): Promise<Plan>;
  members(): AsyncIterable<Member>;
  /** Every member, `complete`, then changes. */
  watchMembers(): AsyncIterable<MemberEvent>;
  peers(): AsyncIterable<Peer>;
  /** Every peer, `complete`, then changes. */
  watchPeers(): AsyncIterable<PeerEvent>;
  keys(): Promise<KeyReport>;
  changeKey(action: KeyAction, key: string): Promise<KeyReport>;
  /** Each step; ends when the key is another one. By the same `id` again: of the same rotation. */
  rotateWireguardKey(id: string): AsyncIterable<RotationStep>;
  readonly endpoint: EndpointCalls;
  readonly network: NetworkCalls;
  readonly cluster: ClusterCalls;
  readonly dns: DnsCalls;
  close(): void;
}

/** Throws WEFT_UNREACHABLE or WEFT_FORBIDDEN when nobody answers on the socket. */
export async function connectControl(
  socketPath: string,
  { callLimitMs = CALL_LIMIT_MS, listLimitMs = LIST_LIMIT_MS }: ControlClientOptions = {},
): Promise<ControlClient> {
  const rpc = await Rpc.open(socketPath);
  const calls = new Calls(rpc, callLimitMs, listLimitMs);
  return {
    status: async () => await calls.one<Status>('getStatus'),
    watchStatus: () => calls.many<Status>('watchStatus'),
    leases: () => calls.leases(),
    watchLeases: () => calls.leaseEvents(),
    plan: async () => await calls.plan(),
    members: () => calls.members(),
    watchMembers: () => calls.memberEvents(),
    peers: () => calls.peers(),
    watchPeers: () => calls.peerEvents(),
    keys: async () => await calls.keys('listKeys', {}),
    changeKey: async (action, key) => await calls.keys('changeKey', { action, key }),
    rotateWireguardKey: (id) =>
      calls.many<RotationStep>('rotateWireguardKey', ROTATION_LIMIT_MS, { id }),
    endpoint: endpointCalls(rpc),
    network: networkCalls(rpc),
    cluster: clusterCalls(rpc),
    dns: dnsCalls(rpc),
    close: () => rpc.close(),
  };
}

type StreamName = Exclude<keyof typeof CONTROL, 'getStatus'>;

class Calls {
  readonly #rpc: Rpc;
  readonly #callLimitMs: number;
  readonly #listLimitMs: number;

  constructor(rpc: Rpc, callLimitMs: number, listLimitMs: number) {
    this.#rpc = rpc;
    this.#callLimitMs = callLimitMs;
    this.#listLimitMs = listLimitMs;
  }

  async one<T extends object>(name: 'getStatus'): Promise<T> {
    return await this.#rpc.one<T>(CONTROL[name], {}, this.#callLimitMs);
  }

  /** `limitMs` for the whole stream; none for one that goes on until the caller stops. */
  many<T extends object>(
    name: StreamName,
    limitMs?: number,
    request: object = {},
  ): AsyncGenerator<T> {
    return this.#rpc.many<T>(CONTROL[name], request, limitMs);
  }

  async *leases(): AsyncGenerator<Lease> {
    for await (const page of this.many<LeasePage>('listLeases', this.#listLimitMs))
      yield* page.leases;
  }

  async *leaseEvents(): AsyncGenerator<LeaseEvent> {
    for await (const update of this.many<LeaseUpdate>('watchLeases')) {
      for (const lease of update.leases) yield { type: 'present', lease };
      for (const key of update.removed) yield { type: 'removed', key };
      if (update.complete) yield { type: 'complete' };
    }
  }

  async *members(): AsyncGenerator<Member> {
    for await (const page of this.many<MemberPage>('listMembers', this.#listLimitMs))
      yield* page.members;
  }

  async *memberEvents(): AsyncGenerator<MemberEvent> {
    for await (const update of this.many<MemberUpdate>('watchMembers')) {
      for (const member of update.members) yield { type: 'present', member };
      for (const name of update.removed) yield { type: 'removed', name };
      if (update.complete) yield { type: 'complete' };
    }
  }

  async *peers(): AsyncGenerator<Peer> {
    for await (const page of this.many<PeerPage>('listPeers', this.#listLimitMs)) yield* page.peers;
  }

  async *peerEvents(): AsyncGenerator<PeerEvent> {
    for await (const update of this.many<PeerUpdate>('watchPeers')) {
      for (const peer of update.peers) yield { type: 'present', peer };
      for (const key of update.removed) yield { type: 'removed', key };
      if (update.complete) yield { type: 'complete' };
    }
  }

  async keys(name: 'listKeys' | 'changeKey', request: object): Promise<KeyReport> {
    const keys: Key[] = [];
    const answers: KeyAnswer[] = [];
    for await (const page of this.many<Required<KeyPage>>(name, this.#listLimitMs, request)) {
      keys.push(...page.keys);
      answers.push(...page.answers);
    }
    return { keys, answers };
  }

  async plan(): Promise<Plan> {
    const desired: PlanResource[] = [];
    const actual: PlanResource[] = [];
    const operations: PlanOperation[] = [];
    for await (const page of this.many<Required<PlanPage>>('getPlan', this.#listLimitMs)) {
      desired.push(...page.desired);
      actual.push(...page.actual);
      operations.push(...page.operations);
    }
    return { desired, actual, operations };
  }
}
