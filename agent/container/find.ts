/** Which process a container of this host has: asked of Docker and Podman, read from the state of containerd and Podman. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspectContainer, type Inspected } from './engine.ts';

/** Where container runtimes are found. */
export interface RuntimePlaces {
  /** Sockets of Docker's API: Docker's own first. */
  readonly engines: readonly string[];
  /** containerd's tasks: NAMESPACE/ID/init.pid. */
  readonly tasks: string;
  /** Podman's containers, and where the process ids of those that run are. */
  readonly podmanContainers: string;
  readonly podmanState: string;
}

const ENGINES = ['/run/docker.sock', '/run/podman/podman.sock'];
const UNIX = 'unix://';

/** As Docker's own commands do, it heeds DOCKER_HOST. */
export function runtimePlaces(env: NodeJS.ProcessEnv): RuntimePlaces {
  const host = env['DOCKER_HOST'] ?? '';
  const engines = host.startsWith(UNIX) ? [host.slice(UNIX.length), ...ENGINES] : ENGINES;
  return { ...PLACES, engines };
}

const PLACES = {
  tasks: '/run/containerd/io.containerd.runtime.v2.task',
  podmanContainers: '/var/lib/containers/storage/overlay-containers/containers.json',
  podmanState: '/run/containers/storage/overlay-containers',
};

export type FoundContainer =
  | {
      readonly state: 'running';
      readonly pid: number;
      readonly id: string;
      /** Who runs it: an engine's socket, or whose state tells. */
      readonly runtime: string;
    }
  | { readonly state: 'stopped' }
  /** Somebody answered, and nobody knows it. */
  | { readonly state: 'unknown' }
  /** No runtime was found at all. */
  | { readonly state: 'silent' };

/** By name, or by id or the beginning of one. The first runtime that runs it counts. Never rejects. */
export async function findContainer(
  name: string,
  places: RuntimePlaces = runtimePlaces(process.env),
): Promise<FoundContainer> {
  const answers: Inspected[] = [];
  for (const engine of places.engines) {
    const answer = await inspectContainer(engine, name);
    if (answer.state === 'running') return { ...answer, runtime: engine };
    answers.push(answer);
  }
  const byState = inPodman(name, places) ?? inContainerd(name, places.tasks);
  if (byState !== undefined) return byState;
  if (answers.some(({ state }) => state === 'stopped')) return { state: 'stopped' };
  return { state: answers.some(({ state }) => state === 'unknown') ? 'unknown' : 'silent' };
}

/**
 * Whether the runtime that ran it says that it has it no more: what others say of the name is no word of it. containerd's
 * state tells of what runs alone, so of that it is never known. Never rejects.
 */
export async function isRemoved(
  name: string,
  runtime: string | undefined,
  places: RuntimePlaces = runtimePlaces(process.env),
): Promise<boolean> {
  if (runtime === CONTAINERD) return false;
  if (runtime === PODMAN)
    return Array.isArray(jsonIn(places.podmanContainers)) && inPodman(name, places) === undefined;
  if (runtime === undefined) return (await findContainer(name, places)).state === 'unknown';
  return (await inspectContainer(runtime, name)).state === 'unknown';
}

const PODMAN = 'podman';
const CONTAINERD = 'containerd';

function inContainerd(name: string, tasks: string): FoundContainer | undefined {
  for (const namespace of entriesOf(tasks)) {
    for (const id of entriesOf(join(tasks, namespace))) {
      const isIt = id === name || (name.length >= SHORT_ID && id.startsWith(name));
      const pid = isIt ? numberIn(join(tasks, namespace, id, 'init.pid')) : undefined;
      if (pid !== undefined) return { state: 'running', pid, id, runtime: CONTAINERD };
    }
  }
  return undefined;
}

/** Of an id, what people copy. */
const SHORT_ID = 12;

function inPodman(
  name: string,
  { podmanContainers, podmanState }: RuntimePlaces,
): FoundContainer | undefined {
  const all = jsonIn(podmanContainers);
  for (const each of Array.isArray(all) ? (all as unknown[]) : []) {
    const { id, names } = each as { id?: unknown; names?: unknown };
    if (typeof id !== 'string') continue;
    const isNamed = Array.isArray(names) && names.includes(name);
    if (!isNamed && id !== name && !(name.length >= SHORT_ID && id.startsWith(name))) continue;
    const pid = numberIn(join(podmanState, id, 'userdata/pidfile'));
    if (pid === undefined) return { state: 'stopped' };
    return { state: 'running', pid, id, runtime: PODMAN };
  }
  return undefined;
}

function entriesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function numberIn(path: string): number | undefined {
  const text = textIn(path).trim();
  return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
}

function jsonIn(path: string): unknown {
  try {
    return JSON.parse(textIn(path));
  } catch {
    return undefined;
  }
}
