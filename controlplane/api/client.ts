/** The other end of the control API: what the command `weft` asks the daemon with. */
import { Client, credentials, type ClientReadableStream } from '@grpc/grpc-js';
import { fromWire } from './codec.ts';
import { WeftError } from './errors.ts';
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
import { fromRpcError } from './rpc-error.ts';
import { CONTROL } from './service.ts';
import { listenerOn } from './socket.ts';
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
/** As control.proto promises. */
const MESSAGE_LIMIT = 8 << 20;

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
  /** Each step; ends when the key is another one. */
  rotateWireguardKey(): AsyncIterable<RotationStep>;
  close(): void;
}

/** Throws WEFT_UNREACHABLE or WEFT_FORBIDDEN when nobody answers on the socket. */
export async function connectControl(
  socketPath: string,
  { callLimitMs = CALL_LIMIT_MS, listLimitMs = LIST_LIMIT_MS }: ControlClientOptions = {},
): Promise<ControlClient> {
  const listener = await listenerOn(socketPath);
  if (listener.state === 'none') throw unreachable(socketPath, listener.code);
  const client = new Client(`unix:${socketPath}`, credentials.createInsecure(), {
    'grpc.enable_channelz': 0,
    'grpc.enable_http_proxy': 0,
    'grpc.enable_retries': 0,
    'grpc.max_receive_message_length': MESSAGE_LIMIT,
  });
  const calls = new Calls(client, socketPath, callLimitMs, listLimitMs);
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
    rotateWireguardKey: () => calls.many<RotationStep>('rotateWireguardKey', ROTATION_LIMIT_MS),
    close: () => client.close(),
  };
}

type StreamName = Exclude<keyof typeof CONTROL, 'getStatus'>;

class Calls {
  readonly #client: Client;
  readonly #socketPath: string;
  readonly #callLimitMs: number;
  readonly #listLimitMs: number;

  constructor(client: Client, socketPath: string, callLimitMs: number, listLimitMs: number) {
    this.#client = client;
    this.#socketPath = socketPath;
    this.#callLimitMs = callLimitMs;
    this.#listLimitMs = listLimitMs;
  }

  async one<T extends object>(name: 'getStatus'): Promise<T> {
    const method = CONTROL[name];
    const deadline = Date.now() + this.#callLimitMs;
    return await new Promise<T>((resolve, reject) => {
      this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        {},
        { deadline },
        (error, response) => {
          if (error === null && response !== undefined) resolve(fromWire(response) as T);
          else reject(fromRpcError(error, this.#socketPath));
        },
      );
    });
  }

  /** `limitMs` for the whole stream; none for one that goes on until the caller stops. */
  async *many<T extends object>(
    name: StreamName,
    limitMs?: number,
    request: object = {},
  ): AsyncGenerator<T> {
    const method = CONTROL[name];
    const options = limitMs === undefined ? {} : { deadline: Date.now() + limitMs };
    const call: ClientReadableStream<object> = this.#client.makeServerStreamRequest<object, object>(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as (bytes: Buffer) => object,
      request,
      options,
    );
    // Cancelling is an error event too, which comes when nobody iterates any more.
    call.on('error', () => undefined);
    try {
      for await (const message of call) yield fromWire(message as object) as T;
    } catch (error) {
      throw fromRpcError(error, this.#socketPath);
    } finally {
      call.cancel();
    }
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

function unreachable(socketPath: string, code: string): WeftError {
  if (code === 'EACCES' || code === 'EPERM') {
    return new WeftError('WEFT_FORBIDDEN', `you may not talk to weftd on ${socketPath}`, {
      fix: 'use sudo, or join the group weft',
    });
  }
  return new WeftError('WEFT_UNREACHABLE', `weftd does not answer on ${socketPath}`, {
    fix: 'start it with systemctl start weftd, or name its socket with --socket',
  });
}
