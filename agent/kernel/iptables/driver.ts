/**
 * Single rules of ours in chains that belong to iptables, by its own programs: those know the locks, and
 * which of its two makes this host uses. Where iptables is not installed there are no chains, and no error.
 */
import { readFileSync } from 'node:fs';
import type { PerFamily } from '../../state/facts.ts';
import type { KernelEvent, Operation, Outcome } from '../../state/kernel.ts';
import type { IptablesRule, Kind, Resource } from '../../state/resource.ts';
import { failureOf, runChild } from '../child.ts';
import { Follower } from '../follower.ts';
import type { Driver } from '../kernel.ts';
import type { EventSocket } from '../netlink/socket.ts';
import { openNftEvents } from '../nftables/events.ts';
import { NO_TABLE, parseSave, splitRule, type FilterTable } from './save.ts';

type IptablesFamily = IptablesRule['family'];
export type ForwardChains = PerFamily<string>;

const PROGRAMS: Readonly<Record<IptablesFamily, string>> = { ip: 'iptables', ip6: 'ip6tables' };
/** Seconds to wait for another iptables to end. */
const LOCK_WAIT = '5';
/** Copies of one rule that a removal takes away at most. */
const COPIES_LIMIT = 16;
/** Legacy iptables tells nobody of changes: its rules are read this often, in ms. */
const LEGACY_PERIOD = 500;
/** Names of the tables that legacy iptables has made in this network namespace. */
const LEGACY_TABLES = ['ip', 'ip6'].map((family) => `/proc/thread-self/net/${family}_tables_names`);
/** What iptables exits with when there is no such rule, or no such chain (a lock or a right that is missing gives 4). */
const EXIT_WHEN_ABSENT = 1;

export class IptablesDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>(['iptables']);
  readonly #follower = new Follower(() => this.#read());
  #tables: Readonly<Record<IptablesFamily, FilterTable>> = { ip: NO_TABLE, ip6: NO_TABLE };
  #chainsListener: ((chains: ForwardChains) => void) | undefined;
  #events: EventSocket | undefined;
  #poll: NodeJS.Timeout | undefined;
  #closed = false;

  /** Rules in our chains that carry our comment. */
  async *dump(): AsyncIterable<readonly Resource[]> {
    yield await this.#follower.dump();
  }

  /** One after the other. Never rejects. */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    return this.#follower.apply(operations, async () => {
      const outcomes: Outcome[] = [];
      for (const operation of operations) outcomes.push(await carryOut(operation));
      return outcomes;
    });
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#follower.listen(listener);
    this.#follow();
  }

  /** Where an accept counts now, per family; none where there is no filter table. Never rejects. */
  async forwardChains(): Promise<ForwardChains> {
    await this.#follower.refresh();
    return chainsOf(this.#tables);
  }

  /** Told whenever that changes. */
  watchForwardChains(listener: (chains: ForwardChains) => void): void {
    this.#chainsListener = listener;
    this.#follow();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#events?.close();
    clearInterval(this.#poll);
    await this.#follower.close();
  }

  #follow(): void {
    if (this.#events !== undefined) return;
    this.#events = openNftEvents(
      ({ family, name }) => name === 'filter' && family in PROGRAMS,
      () => this.#follower.touch(),
    );
    void this.#followLegacy();
  }

  async #followLegacy(): Promise<void> {
    if (!(await isLegacy()) || this.#closed) return;
    this.#poll = setInterval(() => {
      if (LEGACY_TABLES.some(hasFilter)) this.#follower.touch();
    }, LEGACY_PERIOD);
  }

  async #read(): Promise<readonly Resource[]> {
    const known = this.#tables;
    const [ip, ip6] = await Promise.all([readFilter('ip', known.ip), readFilter('ip6', known.ip6)]);
    this.#tables = { ip, ip6 };
    const changed = ip.chain !== known.ip.chain || ip6.chain !== known.ip6.chain;
    if (changed) this.#chainsListener?.(chainsOf(this.#tables));
    return [...ip.rules, ...ip6.rules];
  }
}

function chainsOf({ ip, ip6 }: Readonly<Record<IptablesFamily, FilterTable>>): ForwardChains {
  return {
    ...(ip.chain === undefined ? {} : { 4: ip.chain }),
    ...(ip6.chain === undefined ? {} : { 6: ip6.chain }),
  };
}

/** `known` is what stays true when iptables says no: a moment's trouble, or a kernel without this family. */
async function readFilter(family: IptablesFamily, known: FilterTable): Promise<FilterTable> {
  const program = `${PROGRAMS[family]}-save`;
  // Without `-t filter`: that would print, or with legacy iptables make, a table that is not there.
  const result = await runChild(program, []);
  if (result.status === 'stopped') throw new Error(failureOf(program, result));
  if (result.status === 'missing') return NO_TABLE;
  return result.code === 0 ? parseSave(result.stdout, family) : known;
}

async function carryOut(operation: Operation): Promise<Outcome> {
  if (operation.desired === undefined) return remove(operation.actual as IptablesRule);
  const rule = operation.desired as IptablesRule;
  if ((await iptables(rule, '-C')) === undefined) return { status: 'done' };
  return failedOr(await iptables(rule, rule.position === 'first' ? '-I' : '-A'));
}

/** Every copy: deletes until none is found. */
async function remove(rule: IptablesRule): Promise<Outcome> {
  for (let i = 0; i < COPIES_LIMIT; i++) {
    const failure = await iptables(rule, '-D');
    if (failure === undefined) continue;
    return failure.isAbsent ? { status: 'done' } : failedOr(failure);
  }
  return { status: 'done' };
}

interface Failure {
  readonly message: string;
  /** There is no such rule, or no such chain. */
  readonly isAbsent: boolean;
}

/** Undefined when it succeeded. */
async function iptables(rule: IptablesRule, action: string): Promise<Failure | undefined> {
  const program = PROGRAMS[rule.family];
  const words = splitRule(rule.rule) ?? [];
  const result = await runChild(program, ['-w', LOCK_WAIT, action, rule.chain, ...words]);
  const message = failureOf(program, result);
  if (message === undefined) return undefined;
  const isAbsent = result.status === 'exited' && result.code === EXIT_WHEN_ABSENT;
  return { message, isAbsent };
}

function failedOr(failure: Failure | undefined): Outcome {
  if (failure === undefined) return { status: 'done' };
  return { status: 'failed', code: 'IPTABLES', message: failure.message };
}

async function isLegacy(): Promise<boolean> {
  const result = await runChild('iptables', ['-V']);
  return result.status === 'exited' && result.stdout.includes('legacy');
}

function hasFilter(path: string): boolean {
  try {
    return readFileSync(path, 'utf8').split('\n').includes('filter');
  } catch {
    return false; // The module is not loaded.
  }
}
