/**
 * Tells our own work from other people's where the kernel does not: its events name the port of who did it, but
 * those of a VXLAN device's forwarding entries (drivers/net/vxlan) and of v6 addresses (net/ipv6/addrconf.c) name
 * nobody, so that no socket filter can drop them. What we do is noted before it is sent, and its event dropped
 * once. Then a marker is sent to the event socket: the kernel queues events while it works a batch off, so behind
 * the marker no event of the batch can come, and notes that are left (nothing had to change) are struck out.
 */
import { ALL_OTHERS, type FdbEntry, type LinkAddress } from '../../state/resource.ts';

export class Echoes {
  readonly #expected = new Map<string, number>();
  #waiting: { readonly round: number; readonly resolve: () => void }[] = [];
  #round = 1;

  /** The number that the next marker carries. */
  get round(): number {
    return this.#round;
  }

  /** `event`: the message's type and everything it is about. */
  expect(event: string): void {
    this.#expected.set(event, this.#round);
  }

  /** Whether this event was expected; it is not a second time. */
  take(event: string): boolean {
    return this.#expected.delete(event);
  }

  isExpecting(): boolean {
    return this.#expected.size > 0;
  }

  /** Ends a round; its number is to come back with the marker. */
  endRound(): number {
    return this.#round++;
  }

  /** Resolves when the marker of that round has passed. */
  whenPassed(round: number): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ round, resolve }));
  }

  /** The marker of that round came by. */
  passed(round: number): void {
    for (const [event, of] of this.#expected) if (of <= round) this.#expected.delete(event);
    const over = this.#waiting.filter((waiter) => waiter.round <= round);
    this.#waiting = this.#waiting.filter((waiter) => waiter.round > round);
    for (const { resolve } of over) resolve();
  }

  /** Events, and markers among them, were lost, or none will come any more: all rounds so far count as passed. */
  lost(): void {
    this.passed(this.endRound());
  }
}

/** Names an event. The removal of a forwarding entry is told without regard to where it led, unless it led to several. */
export function echoOf(
  entry: Omit<FdbEntry, 'link'> | Omit<LinkAddress, 'link'>,
  linkIndex: number,
  isRemoval: boolean,
): string {
  if (entry.kind === 'address')
    return `${isRemoval ? '-' : '+'}${linkIndex} ${entry.address}/${entry.length}`;
  const isOneOfMany = entry.mac === ALL_OTHERS;
  if (isRemoval && !isOneOfMany) return `-${linkIndex} ${entry.mac}`;
  return `${isRemoval ? '-' : '+'}${linkIndex} ${entry.mac} ${entry.remote}`;
}
