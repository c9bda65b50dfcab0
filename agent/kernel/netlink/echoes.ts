/**
 * Tells our own forwarding entries' events from other people's. The kernel names the port of who did it in every
 * event but those of a VXLAN device's forwarding table (drivers/net/vxlan: portid 0), so no socket filter can
 * drop these. What we do is noted before it is sent; its event is dropped once. After each batch a marker is sent to the event socket:
 * the kernel queues events while it works the batch off, so behind the marker no event of the batch can come,
 * and notes that are left (nothing had to change) are struck out.
 */
export class Echoes {
  readonly #expected = new Map<string, number>();
  #round = 1;

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

  /** The marker of that round came by. */
  passed(round: number): void {
    for (const [event, of] of this.#expected) if (of <= round) this.#expected.delete(event);
  }
}
