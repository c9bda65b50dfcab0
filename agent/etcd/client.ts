/** etcd's v3 API in plain values, as far as leases and networks need it. Every method rejects with an EtcdError. */
import { EtcdError } from './errors.ts';
import { etcdserverpb as pb } from './generated/rpc.js';
import { idFrom, longFrom, longFromId, numberFrom } from './long.ts';
import { asBuffer, GRANT, KEEP_ALIVE, RANGE, REVOKE, TXN, WATCH } from './methods.ts';
import { EtcdTransport, type EtcdOptions } from './transport.ts';

export interface KeyValue {
  readonly key: string;
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Decimal; '0' when the key has no lease. */
  readonly lease: string;
}

export type KeyEvent =
  | { readonly type: 'put'; readonly kv: KeyValue }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

export interface WatchBatch {
  /** Everything up to here has been told; watch from the next one to go on. */
  readonly revision: number;
  readonly events: readonly KeyEvent[];
}

/** A condition of a transaction. */
export type Compare =
  /** 0 means that the key does not exist. */
  | { readonly key: string; readonly modRevision: number }
  /** The key exists and has this value. */
  | { readonly key: string; readonly value: string }
  /** No key that begins with `prefix` was put after this revision. What was deleted is not seen. */
  | { readonly prefix: string; readonly unchangedSince: number };

export interface Transaction {
  /** All of them must hold. */
  readonly conditions: readonly Compare[];
  /** 128 at most of each, as etcd comes; those of transactions inside count by themselves. */
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type Operation =
  | { readonly type: 'put'; readonly key: string; readonly value: string; readonly lease: string }
  | { readonly type: 'delete'; readonly key: string }
  | { readonly type: 'get'; readonly key: string }
  /** Since etcd 3.3. */
  | { readonly type: 'txn'; readonly txn: Transaction }
  /** Keys that begin with `prefix` and were created after revision `createdAfter`. */
  | { readonly type: 'range'; readonly prefix: string; readonly createdAfter: number };

export interface TxnAnswer {
  readonly succeeded: boolean;
  readonly revision: number;
  /** What the operations at the same places found; empty for put and delete. */
  readonly found: readonly (readonly KeyValue[])[];
  /** What became of the transactions among them, in their order. */
  readonly inner: readonly Omit<TxnAnswer, 'revision'>[];
}

/** A listing of 10,000 leases takes a fraction of a second; a busy server is given time. */
const LIST_DEADLINE_MS = 30_000;
const KEEP_ALIVE_DEADLINE_MS = 3_000;
/** Till etcd says that a watch stands; afterwards it may be silent. */
const WATCH_DEADLINE_MS = 3_000;
const UNANSWERED = new EtcdError(
  'ETCD_UNREACHABLE',
  'etcd does not answer a watch; check that it runs and has a leader',
);

export class EtcdClient {
  readonly #transport: EtcdTransport;

  constructor(options: EtcdOptions) {
    this.#transport = new EtcdTransport(options);
  }

  async get(key: string): Promise<{ revision: number; kv: KeyValue | undefined }> {
    const answer = await this.#transport.call(RANGE, { key: bytes(key) }, { idempotent: true });
    const [kv] = answer.kvs;
    return { revision: revisionOf(answer), kv: kv && keyValueFrom(pb.KeyValue.decode(kv)) };
  }

  /** All keys that begin with `prefix`, in one request; still encoded, for `decodeKeyValue`. */
  async list(prefix: string): Promise<{ revision: number; encoded: readonly Uint8Array[] }> {
    const answer = await this.#transport.call(RANGE, keysUnder(prefix), {
      idempotent: true,
      deadlineMs: LIST_DEADLINE_MS,
    });
    return { revision: revisionOf(answer), encoded: answer.kvs };
  }

  async txn(
    conditions: readonly Compare[],
    success: readonly Operation[],
    failure: readonly Operation[],
  ): Promise<TxnAnswer> {
    const txn = { conditions, success, failure };
    const request = transactionFrom(txn);
    const answer = await this.#transport.call(TXN, request, { idempotent: !writes(txn) });
    return { revision: revisionOf(answer), ...outcomeOf(answer) };
  }

  /**
   * Changes of one key, or of all that begin with it, from `from` on; the first batch is empty and tells that
   * the watch stands. Ends only by `signal` or an error:
   * ETCD_COMPACTED when `from` is no longer kept, or etcd has not come that far.
   */
  async *watch(
    key: string,
    scope: 'key' | 'prefix',
    from: number,
    signal: AbortSignal,
  ): AsyncGenerator<WatchBatch> {
    const stream = await this.#transport.open(WATCH);
    const cancel = (): void => stream.cancel();
    signal.addEventListener('abort', cancel);
    const patience = new AbortController();
    const giveUp = setTimeout(() => (patience.abort(), cancel()), WATCH_DEADLINE_MS);
    let revision = from - 1;
    try {
      if (signal.aborted) return;
      stream.write({ createRequest: watchFrom(key, scope, from) });
      for await (const response of stream as AsyncIterable<pb.WatchResponse>) {
        clearTimeout(giveUp);
        throwIfCanceled(response);
        if (response.created) throwIfBehind(response, from - 1);
        const events = response.events.map(eventFrom);
        // Until the last fragment of a revision has come, a new watch must start before it.
        if (!response.fragment && !response.created)
          revision = Math.max(revision, reached(response, events));
        yield { revision, events };
      }
    } catch (cause) {
      if (!signal.aborted)
        throw this.#transport.failed(patience.signal.aborted ? UNANSWERED : cause);
    } finally {
      clearTimeout(giveUp);
      signal.removeEventListener('abort', cancel);
      stream.cancel();
    }
    if (!signal.aborted) throw new EtcdError('ETCD_UNREACHABLE', 'etcd ended the watch');
  }

  /** The id of a new lease of `ttl` seconds. */
  async grant(ttl: number): Promise<string> {
    // A grant whose answer was lost leaves a lease without keys, which expires by itself.
    const answer = await this.#transport.call(GRANT, { TTL: longFrom(ttl) }, { idempotent: true });
    if (answer.error !== '')
      throw new EtcdError('ETCD_REFUSED', `etcd grants no lease: ${answer.error}`);
    return idFrom(answer.ID);
  }

  /** Ends the lease, and deletes every key of it. One that is gone already is as good. */
  async revoke(lease: string): Promise<void> {
    try {
      await this.#transport.call(REVOKE, { ID: longFromId(lease) }, { idempotent: true });
    } catch (cause) {
      if (!(cause instanceof EtcdError && cause.code === 'ETCD_LEASE_NOT_FOUND')) throw cause;
    }
  }

  /** Seconds the lease lives on from now; 0 when it is gone. */
  async keepAlive(lease: string): Promise<number> {
    const stream = await this.#transport.open(KEEP_ALIVE, KEEP_ALIVE_DEADLINE_MS);
    try {
      stream.write({ ID: longFromId(lease) });
      for await (const answer of stream as AsyncIterable<pb.LeaseKeepAliveResponse>)
        return Math.max(0, numberFrom(answer.TTL));
    } catch (cause) {
      throw this.#transport.failed(cause);
    } finally {
      stream.cancel();
    }
    throw new EtcdError('ETCD_UNREACHABLE', 'etcd ended the keep-alive without an answer');
  }

  close(): void {
    this.#transport.close();
  }
}

export function decodeKeyValue(encoded: Uint8Array): KeyValue {
  return keyValueFrom(pb.KeyValue.decode(encoded));
}

function keyValueFrom(kv: pb.KeyValue): KeyValue {
  return {
    key: text(kv.key),
    value: text(kv.value),
    createRevision: numberFrom(kv.createRevision),
    modRevision: numberFrom(kv.modRevision),
    lease: idFrom(kv.lease),
  };
}

function eventFrom({ type, kv }: pb.Event.$Properties): KeyEvent {
  const found = keyValueFrom(pb.KeyValue.create(kv ?? {}));
  return type === pb.Event.EventType.DELETE
    ? { type: 'delete', key: found.key, revision: found.modRevision }
    : { type: 'put', kv: found };
}

function throwIfCanceled(response: pb.WatchResponse): void {
  const compacted = numberFrom(response.compactRevision);
  if (compacted !== 0)
    throw new EtcdError('ETCD_COMPACTED', `etcd keeps nothing before revision ${compacted}`);
  if (response.canceled)
    throw new EtcdError(
      /permission denied/.test(response.cancelReason) ? 'ETCD_PERMISSION' : 'ETCD_REFUSED',
      `etcd refuses the watch (${response.cancelReason || 'no reason given'}); check that the user may read the whole prefix`,
    );
}

/** etcd takes a watch of revisions that are to come, and says nothing of what changes before them. */
function throwIfBehind(response: pb.WatchResponse, known: number): void {
  const revision = revisionOf(response);
  if (revision < known)
    throw new EtcdError(
      'ETCD_COMPACTED',
      `etcd stands at revision ${revision}, and stood at ${known} before: it was restored`,
    );
}

/** The header of a batch may be ahead of its last event; that of an empty one, a progress notice, is exact. */
function reached(response: pb.WatchResponse, events: readonly KeyEvent[]): number {
  const last = events.at(-1);
  if (last === undefined) return revisionOf(response);
  return last.type === 'put' ? last.kv.modRevision : last.revision;
}

function watchFrom(
  key: string,
  scope: 'key' | 'prefix',
  from: number,
): pb.WatchCreateRequest.$Properties {
  return {
    ...(scope === 'prefix' ? keysUnder(key) : { key: bytes(key) }),
    startRevision: longFrom(from),
    progressNotify: true,
    fragment: true,
  };
}

function transactionFrom(txn: Transaction): pb.TxnRequest.$Properties {
  return {
    compare: txn.conditions.map(compareFrom),
    success: txn.success.map(operationFrom),
    failure: txn.failure.map(operationFrom),
  };
}

function writes({ success, failure }: Transaction): boolean {
  return [...success, ...failure].some((operation) =>
    operation.type === 'txn'
      ? writes(operation.txn)
      : operation.type === 'put' || operation.type === 'delete',
  );
}

function outcomeOf({
  succeeded,
  responses,
}: pb.TxnResponse.$Properties): Omit<TxnAnswer, 'revision'> {
  const all = responses ?? [];
  return {
    succeeded: succeeded ?? false,
    found: all.map(({ responseRange }) => (responseRange?.kvs ?? []).map(decodeKeyValue)),
    inner: all.flatMap(({ responseTxn }) => (responseTxn ? [outcomeOf(responseTxn)] : [])),
  };
}

function compareFrom(compare: Compare): pb.Compare.$Properties {
  const { CompareResult, CompareTarget } = pb.Compare;
  if ('prefix' in compare)
    return {
      result: CompareResult.LESS,
      target: CompareTarget.MOD,
      ...keysUnder(compare.prefix),
      modRevision: longFrom(compare.unchangedSince + 1),
    };
  const key = bytes(compare.key);
  return 'value' in compare
    ? {
        result: CompareResult.EQUAL,
        target: CompareTarget.VALUE,
        key,
        value: bytes(compare.value),
      }
    : {
        result: CompareResult.EQUAL,
        target: CompareTarget.MOD,
        key,
        modRevision: longFrom(compare.modRevision),
      };
}

function operationFrom(operation: Operation): pb.RequestOp.$Properties {
  switch (operation.type) {
    case 'put': {
      const { key, value, lease } = operation;
      return { requestPut: { key: bytes(key), value: bytes(value), lease: longFromId(lease) } };
    }
    case 'delete':
      return { requestDeleteRange: { key: bytes(operation.key) } };
    case 'txn':
      return { requestTxn: transactionFrom(operation.txn) };
    case 'get':
      return { requestRange: { key: bytes(operation.key) } };
    case 'range': {
      const { prefix, createdAfter } = operation;
      return {
        requestRange: { ...keysUnder(prefix), minCreateRevision: longFrom(createdAfter + 1) },
      };
    }
  }
}

/** From the prefix up to the first key that no longer begins with it. */
function keysUnder(prefix: string): { key: Buffer; rangeEnd: Buffer } {
  const rangeEnd = bytes(prefix);
  const last = rangeEnd.length - 1;
  rangeEnd[last] = (rangeEnd[last] ?? 0) + 1;
  return { key: bytes(prefix), rangeEnd };
}

function revisionOf({ header }: { header?: pb.ResponseHeader.$Properties | null }): number {
  return numberFrom(header?.revision);
}

function bytes(value: string): Buffer {
  return Buffer.from(value);
}

function text(value: Uint8Array): string {
  return asBuffer(value).toString();
}
