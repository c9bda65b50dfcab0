/** One real weftd under the eye of a benchmark: times from its log, memory and processor time from /proc. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Host } from '../../lab/host.ts';
import type { Weftd } from '../../lab/weftd.ts';

const PROBE = fileURLToPath(new URL('probe.cjs', import.meta.url));
/** How long a start may take, in ms. */
const START_LIMIT = 60_000;

/** The event loop stood still for `ms`, of which the process computed for `cpu` ms. */
export interface Gap {
  readonly ms: number;
  readonly cpu: number;
}

export interface Observed {
  readonly daemon: Weftd;
  /** From the start of the program to its word that it is ready, in ms. */
  readonly startMs: number;
  /** Ends it, and tells when its event loop stood still, if that was watched. */
  end(): Promise<readonly Gap[]>;
}

/**
 * Starts weftd for the network below `prefix`; resolves when it is ready. `probed`: with its event loop watched, which
 * costs it a percent of a processor.
 */
export async function startObserved(
  host: Host,
  prefix: string,
  probed: boolean,
): Promise<Observed> {
  const file = `${host.directory}/probe.json`;
  const env = { NODE_OPTIONS: `--require ${PROBE}`, WEFT_PROBE: file };
  const started = Date.now();
  const daemon = host.startWeftd([`--etcd-prefix=${prefix}`], probed ? { env } : {});
  await daemon.waitForLog(/"msg":"ready"/, START_LIMIT);
  const ready = daemon.log().find(({ msg }) => msg === 'ready');
  return {
    daemon,
    startMs: Date.parse(String(ready?.['time'])) - started,
    async end() {
      await daemon.stop();
      return probed ? (JSON.parse(readFileSync(file, 'utf8')) as Gap[]) : [];
    },
  };
}

/** Bytes of a process that are in memory: all, and those that are its alone and no file's. */
export function memoryOf(pid: number): { readonly rss: number; readonly anonymous: number } {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  const bytes = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]) * 1024;
  return { rss: bytes('Rss'), anonymous: bytes('Anonymous') };
}

/** Processor time of all its threads so far, in ms (proc(5), /proc/PID/task/TID/schedstat, nanoseconds). */
export function cpuOf(pid: number): number {
  const [, user = 0, system = 0] =
    /\) \S(?: \S+){10} (\d+) (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'))?.map(Number) ??
    [];
  return (user + system) * TICK;
}

/** USER_HZ is 100 on every Linux Node runs on. */
const TICK = 10;
