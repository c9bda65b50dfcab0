/** Docker's API on a unix socket, as Docker and Podman serve it: which process a container has, and when one starts. */
import { request, type IncomingMessage } from 'node:http';

/** In ms: a local answer takes a few. */
const ANSWER_LIMIT = 3_000;
/** Of an answer, in bytes: that of a container has some kilobytes. */
const SIZE_LIMIT = 4 * 1024 * 1024;

export type Inspected =
  | { readonly state: 'running'; readonly pid: number; readonly id: string }
  | { readonly state: 'stopped' }
  /** It has no such container. */
  | { readonly state: 'unknown' }
  /** Nobody answers, or nothing that makes sense. */
  | { readonly state: 'silent' };

/** Never rejects. GET /containers/NAME/json of the Engine API; all versions of it have what is read here. */
export async function inspectContainer(socketPath: string, name: string): Promise<Inspected> {
  try {
    const path = `/containers/${encodeURIComponent(name)}/json`;
    const { status, body } = await get(socketPath, path);
    if (status === 404) return { state: 'unknown' };
    return status === 200 ? stateIn(JSON.parse(body)) : { state: 'silent' };
  } catch {
    return { state: 'silent' };
  }
}

function stateIn(json: unknown): Inspected {
  const { Id, State } = json as { Id?: unknown; State?: { Running?: unknown; Pid?: unknown } };
  const { Running, Pid } = State ?? {};
  if (Running !== true) return { state: 'stopped' };
  if (typeof Pid !== 'number' || Pid <= 0 || typeof Id !== 'string') return { state: 'silent' };
  return { state: 'running', pid: Pid, id: Id };
}

async function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  return await new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(ANSWER_LIMIT);
    const asked = request({ socketPath, path, agent: false, signal }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (text: string) => {
        body += text;
        if (body.length > SIZE_LIMIT) asked.destroy(new Error('the answer is too long'));
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end();
  });
}

const STARTS = encodeURIComponent(JSON.stringify({ type: ['container'], event: ['start'] }));

/**
 * Calls `started` whenever a container starts, and `ended` once when the engine hangs up or does not answer; the
 * returned function ends it without that.
 */
export function watchStarts(
  socketPath: string,
  started: () => void,
  ended: () => void,
): () => void {
  let isOver = false;
  const over = (): void => {
    if (!isOver) ended();
    isOver = true;
  };
  const asked = request({ socketPath, path: `/events?filters=${STARTS}`, agent: false });
  asked.on('response', (answer: IncomingMessage) => {
    answer.on('data', started);
    answer.on('close', over);
    answer.on('error', over);
  });
  asked.on('error', over);
  asked.end();
  return () => {
    isOver = true;
    asked.destroy();
  };
}
