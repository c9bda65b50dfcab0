/** What every host sends, watched in windows: within bounds, always. */
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import { Violation } from './violation.ts';

/** Ms. */
const WINDOW = 5_000;
/**
 * Packets a second of one host. What is urgent lets it gossip every 50 ms, to three members: 60. Of its probes 33 may
 * be under way, each for a second at least, with a ping and three requests to others: 132. It serves as many requests
 * of others, on average, each with a ping and an answer: 198; and answers as many pings: 33. And a fifth for chance.
 */
const PACKETS_BOUND = 1.2 * (60 + 132 + 198 + 33);

export class Rates {
  readonly #cluster: Cluster;
  readonly #before = new Map<Host, { packets: number; bytes: number }>();
  /** The most of any host in any window, a second. */
  readonly worst = { packets: 0, bytes: 0 };

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  start(): void {
    const { events } = this.#cluster;
    events.at(events.now + WINDOW, () => {
      for (const { host } of this.#cluster.members) this.#look(host);
      this.start();
    });
  }

  #look(host: Host): void {
    const { packets, bytes } = host.counts;
    const before = this.#before.get(host) ?? { packets, bytes };
    this.#before.set(host, { packets, bytes });
    const rate = ((packets - before.packets) * 1_000) / WINDOW;
    this.worst.packets = Math.max(this.worst.packets, rate);
    this.worst.bytes = Math.max(this.worst.bytes, ((bytes - before.bytes) * 1_000) / WINDOW);
    const { seed, now } = this.#cluster;
    if (rate > PACKETS_BOUND)
      throw new Violation(seed, now, `${host.name} sends ${rate} packets a second`);
  }
}
