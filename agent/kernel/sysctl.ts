/**
 * Sysctls: files below /proc/sys. Synchronous on purpose: a file there belongs to the network namespace of the
 * thread that opens it, and reading or writing one takes microseconds.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { KernelEvent, Operation, Outcome } from '../state/kernel.ts';
import type { Kind, Resource, Sysctl } from '../state/resource.ts';
import { WIREGUARD_LINKS } from '../state/wireguard.ts';
import { errnoSentence } from './errno.ts';
import { Follower } from './follower.ts';
import type { Driver } from './kernel.ts';

const ROOT = '/proc/sys';
/** What weft sets of the host, or for a link of its own; told by dumps before it was ever asked for. */
function sysctlsOf(wanted: string): Omit<Sysctl, 'value'>[] {
  if (wanted.includes('/')) return [{ kind: 'sysctl', path: wanted }];
  if (isPair(wanted)) return [];
  const link = wanted;
  const own = [`net/ipv6/conf/${link}/accept_ra`];
  if (WIREGUARD_LINKS.includes(link)) own.push(`net/ipv4/conf/${link}/rp_filter`);
  return own.map((path) => ({ kind: 'sysctl', path, link }));
}

/** Of an endpoint: its name ends in ten digits, where that of a bridge has a VNI of eight at most. */
function isPair(link: string): boolean {
  return /^weft-[0-9a-f]{10}$/.test(link);
}

/** The kernel tells nobody that a sysctl changed: ours, two or three, are read this often, in ms. */
const PERIOD = 500;

/** A sysctl is ours once it was asked for. */
export class SysctlDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>(['sysctl']);
  readonly #known = new Map<string, Omit<Sysctl, 'value'>>();
  readonly #follower = new Follower(async () => this.#read());
  #poll: NodeJS.Timeout | undefined;

  async *dump(wanted: ReadonlySet<string>): AsyncIterable<readonly Resource[]> {
    for (const name of wanted) {
      for (const sysctl of sysctlsOf(name)) this.#known.set(sysctl.path, sysctl);
    }
    yield await this.#follower.dump();
  }

  apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    return this.#follower.apply(operations, async () =>
      operations.map((operation) => this.#applyOne(operation)),
    );
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#follower.listen(listener);
    this.#poll ??= setInterval(() => void this.#follower.refresh(), PERIOD);
  }

  async close(): Promise<void> {
    clearInterval(this.#poll);
    await this.#follower.close();
  }

  #read(): Sysctl[] {
    return [...this.#known.values()].flatMap((sysctl) => {
      const value = read(sysctl.path);
      return value === undefined ? [] : [{ ...sysctl, value }];
    });
  }

  #applyOne({ desired, actual }: Operation): Outcome {
    if (desired === undefined) {
      // There is no "without a value"; it stays, and is no longer ours.
      if (actual.kind === 'sysctl') this.#known.delete(actual.path);
      return { status: 'done' };
    }
    const { value, ...sysctl } = desired as Sysctl;
    // A kernel without IPv6 does nothing of what we switch off there.
    if (sysctl.path.startsWith('net/ipv6/') && !existsSync(`${ROOT}/net/ipv6`))
      return { status: 'done' };
    this.#known.set(sysctl.path, sysctl);
    if (read(sysctl.path) === value) return { status: 'done' };
    return write(sysctl.path, value);
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(`${ROOT}/${path}`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function write(path: string, value: string): Outcome {
  try {
    writeFileSync(`${ROOT}/${path}`, value);
    return { status: 'done' };
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'EIO';
    return { status: 'failed', code, message: `/proc/sys/${path}: ${errnoSentence(code)}` };
  }
}
