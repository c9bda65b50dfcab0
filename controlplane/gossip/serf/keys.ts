/** Keys of the cluster, changed and listed by query (specification §20.8): asking all, and answering. */
import {
  addKey,
  decodeSerf,
  encodeSerf,
  removeKey,
  useKey,
  type Keyring,
  type SerfMessage,
} from '../codec/index.ts';
import type { KeyAnswer, KeyOperation, KeyResult, QueryHandlers, RunningQuery } from './face.ts';

export const KEY_QUERIES: ReadonlyMap<string, KeyOperation> = new Map([
  ['_serf_install-key', 'install'],
  ['_serf_use-key', 'use'],
  ['_serf_remove-key', 'remove'],
  ['_serf_list-keys', 'list'],
]);

type KeyResponse = Extract<SerfMessage, { kind: 'keyResponse' }>;

const CHANGES = { install: addKey, use: useKey, remove: removeKey };
const PLAIN = 'the cluster is not encrypted: start it with a key';

/** The ring afterwards, and what to answer. */
export function changeKeys(
  operation: KeyOperation,
  keyring: Keyring,
  payload: Uint8Array,
): { keyring: Keyring; response: KeyResponse } {
  const [primary] = keyring;
  if (primary === undefined) return { keyring, response: refusal(PLAIN) };
  if (operation === 'list') return { keyring, response: listed(keyring, primary) };
  const request = decodeSerf(payload);
  if (!request.ok || request.value.kind !== 'keyRequest')
    return { keyring, response: refusal('the request is not one for a key') };
  const change = CHANGES[operation](keyring, request.value.key);
  if (!change.ok) return { keyring, response: refusal(change.problem) };
  return { keyring: change.keyring, response: { ...refusal(''), result: true } };
}

/** With as many keys as fit: `limit` bytes are left for the response. */
export function encodeKeyResponse(response: KeyResponse, limit: number): Uint8Array {
  const { keys } = response;
  for (let shown = keys.length; shown > 0; shown--) {
    const message =
      shown === keys.length
        ? response.message
        : `truncated key list response, showing first ${shown} of ${keys.length} keys`;
    const encoded = encodeSerf({ ...response, message, keys: keys.slice(0, shown) });
    if (encoded.length <= limit) return encoded;
  }
  return encodeSerf({ ...response, keys: [] });
}

export interface KeyQueryOptions {
  /** The key, of all but `list`. */
  readonly key: Uint8Array | undefined;
  /** Names of the members that can answer, asked at the start and at the end. */
  readonly alive: () => readonly string[];
  readonly ask: (name: string, payload: Uint8Array, handlers: QueryHandlers) => RunningQuery;
  readonly done: (result: KeyResult) => void;
}

/** Asks every member; done as soon as all have answered, at the query's timeout at the latest. */
export function askForKeys(operation: KeyOperation, options: KeyQueryOptions): void {
  const { key, alive, ask, done } = options;
  const answers = new Map<string, KeyAnswer>();
  const [name] = [...KEY_QUERIES].find(([, other]) => other === operation) ?? [''];
  const silent = (): string[] => alive().filter((member) => !answers.has(member));
  const query = ask(name, encodeSerf({ kind: 'keyRequest', key: key ?? new Uint8Array(0) }), {
    answered(from, payload) {
      answers.set(from, answerOf(from, payload));
      if (silent().length === 0) query.close();
    },
    done() {
      const all = [...answers.values()];
      const missing = silent();
      done({
        answers: all,
        silent: missing,
        ok: missing.length === 0 && all.every(({ ok }) => ok),
      });
    },
  });
}

function answerOf(name: string, payload: Uint8Array): KeyAnswer {
  const decoded = decodeSerf(payload);
  if (!decoded.ok || decoded.value.kind !== 'keyResponse') {
    return { name, ok: false, message: 'the answer is none about keys', keys: [], primary: '' };
  }
  const { result, message, keys, primaryKey } = decoded.value;
  return { name, ok: result, message, keys, primary: primaryKey };
}

function refusal(message: string): KeyResponse {
  return { kind: 'keyResponse', result: false, message, keys: [], primaryKey: '' };
}

function listed(keyring: Keyring, primary: Uint8Array): KeyResponse {
  const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64');
  return {
    ...refusal(''),
    result: true,
    keys: keyring.map(base64),
    primaryKey: base64(primary),
  };
}
