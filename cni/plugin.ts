/** What each command of CNI does, by asking weftd. */
import { connectControl, type ControlClient } from '../controlplane/api/client.ts';
import { isWeftError, type ErrorCode } from '../controlplane/api/errors.ts';
import { checkEndpoint, checkInside, type Found } from './check.ts';
import { attachmentOf, attachOf, idOf } from './endpoint.ts';
import { CniError, type CodeName } from './error.ts';
import { VERSIONS, type Attachment, type Call } from './protocol.ts';
import { resultOf } from './result.ts';

/** For the answer to STATUS. */
const STATUS_LIMIT_MS = 900;

/** What it may touch beside weftd. */
export interface Machine {
  exists(path: string): boolean;
  /** Throws a CniError. */
  inside(namespace: string, link: string): Found;
}

type CallOf<V extends Call['verb']> = Extract<Call, { readonly verb: V }>;

/** What is written to standard output; undefined: nothing. Rejects with a CniError, or a fault of its own. */
export async function perform(call: Call, machine: Machine): Promise<object | undefined> {
  if (call.verb === 'VERSION')
    return { cniVersion: call.version, supportedVersions: [...VERSIONS] };
  if (call.verb === 'ADD' && !machine.exists(call.namespace))
    throw new CniError('unknownContainer', `there is no namespace ${call.namespace}`);
  let client: ControlClient | undefined;
  try {
    client = await connectControl(call.config.socket, { callLimitMs: STATUS_LIMIT_MS });
    return await asked(call, client, machine);
  } catch (thrown) {
    throw asCniError(thrown, call.verb);
  } finally {
    client?.close();
  }
}

async function asked(
  call: Exclude<Call, CallOf<'VERSION'>>,
  client: ControlClient,
  machine: Machine,
): Promise<object | undefined> {
  switch (call.verb) {
    case 'ADD':
      return await add(call, client);
    case 'DEL':
      await client.endpoint.detach(idOf(call.config, call.attachment));
      return undefined;
    case 'CHECK':
      return await check(call, client, machine);
    case 'GC':
      return await collect(call, client);
    case 'STATUS':
      return await status(call, client);
  }
}

async function add(call: CallOf<'ADD'>, client: ControlClient): Promise<object> {
  const endpoint = await client.endpoint.attach(attachOf(call));
  try {
    return resultOf(call, endpoint);
  } catch (error) {
    await client.endpoint.detach(endpoint.id);
    throw error;
  }
}

async function check(
  { config, attachment, previous, namespace }: CallOf<'CHECK'>,
  client: ControlClient,
  machine: Machine,
): Promise<undefined> {
  const endpoint = await client.endpoint.get(idOf(config, attachment)).catch((error: unknown) => {
    if (isWeftError(error) && error.code === 'WEFT_NOT_FOUND') return undefined;
    throw error;
  });
  checkEndpoint(config, attachment, previous, endpoint);
  if (endpoint === undefined) return;
  checkInside(attachment, previous, endpoint, machine.inside(namespace, attachment.link));
}

/** Detaches what this configuration made and is valid no more; goes on whatever fails, and then tells of the first. */
async function collect({ config, valid }: CallOf<'GC'>, client: ControlClient): Promise<undefined> {
  const keyOf = ({ container, link }: Attachment): string => `${container}/${link}`;
  const kept = new Set(valid.map(keyOf));
  const garbage: string[] = [];
  for await (const { id, mine, target = '' } of client.endpoint.list()) {
    const attachment = mine ? attachmentOf(config, target) : undefined;
    if (attachment !== undefined && !kept.has(keyOf(attachment))) garbage.push(id);
  }
  const failures: unknown[] = [];
  for (const id of garbage)
    await client.endpoint.detach(id).catch((error: unknown) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

async function status({ config }: CallOf<'STATUS'>, client: ControlClient): Promise<undefined> {
  const { ready, notReadyReason = 'it has just started' } = await client.status();
  if (!ready) throw new CniError('unavailable', `weftd is not ready: ${notReadyReason}`);
  await client.network.get(config.network);
}

/** What weftd says no with. Others may be meant otherwise a moment later. */
const CODES: Partial<Readonly<Record<ErrorCode, CodeName>>> = {
  WEFT_USAGE: 'config',
  WEFT_NOT_FOUND: 'config',
  WEFT_TAKEN: 'refused',
  WEFT_FULL: 'refused',
  WEFT_FAILED: 'refused',
  WEFT_UNKNOWN_REQUEST: 'refused',
  WEFT_INTERNAL: 'refused',
  WEFT_FORBIDDEN: 'io',
};

const START = 'start it with systemctl start weftd, or name its "socket" in the configuration';

function asCniError(thrown: unknown, verb: Call['verb']): unknown {
  if (!isWeftError(thrown)) return thrown;
  const { code, message } = thrown;
  const fix = code === 'WEFT_UNREACHABLE' ? START : thrown.fix;
  const name = verb === 'STATUS' ? 'unavailable' : (CODES[code] ?? 'later');
  return new CniError(name, message, fix, thrown);
}
