/** A kernel dump without what changes by itself or when a link is made anew, so that two moments can be compared. */
import { dumpKernel, type KernelDump } from './kernel-dump.ts';
import type { Namespace } from './namespace.ts';

/** Indexes, states of duplicate address detection, lifetimes; a bridge's timers. */
const VOLATILE =
  /^\d+: |@if\d+| (tentative|dadfailed|nodad)\b|\b\w*timer +[\d.]+| (valid_lft|preferred_lft) \S+/g;
/** The kernel's own: link-local addresses and what hangs on them come seconds after a link; learned bridge ports. */
const BY_KERNEL =
  /\bfe80:|\bff00::\/8 dev |^anycast |^(?!.*permanent)[0-9a-f:]{17} dev |^33:33:|^01:00:5e/;
/** In the order they were made; of a rule set, the tables are in that order, and the rules in theirs. */
const BLOCKS = /^(?=\S)(?!\})/m;

export async function kernelState(place: Namespace): Promise<KernelDump> {
  const dump = await dumpKernel(place);
  return Object.fromEntries(Object.entries(dump).map(([name, text]) => [name, steady(text)]));
}

function steady(text: string): string {
  return text
    .split(BLOCKS)
    .map((block) => block.replaceAll(VOLATILE, '').trim())
    .filter((block) => !BY_KERNEL.test(block))
    .toSorted()
    .join('\n');
}
