/** So many peers of one kind, each in a namespace of its own, and what is done to them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicNow } from '../../lab/child.ts';
import type { Peer, Sight } from '../../lab/gossip-peer.ts';
import type { Host } from '../../lab/host.ts';

export type Start = (place: Host, name: string) => Peer;

/** Started at once; more would only wait for each other. */
const TOGETHER = 4;
/** How long anything may take to be known by all, in ms. */
const LIMIT = 120_000;

export class Cluster {
  readonly peers: Peer[] = [];
  readonly #start: Start;
  readonly #hosts: readonly Host[];
  #names = 0;

  private constructor(start: Start, hosts: readonly Host[]) {
    this.#start = start;
    this.#hosts = hosts;
  }

  /** Resolves when all know all. */
  static async start(start: Start, hosts: readonly Host[]): Promise<Cluster> {
    const cluster = new Cluster(start, hosts);
    await cluster.#join(0, cluster.#newName());
    for (let first = 1; first < hosts.length; first += TOGETHER) {
      const some = hosts.slice(first, first + TOGETHER);
      await Promise.all(some.map((_, i) => cluster.#join(first + i, cluster.#newName())));
    }
    const names = cluster.peers.map(({ name }) => name);
    await Promise.all(names.map((name) => cluster.#known('join', name, 0, cluster.peers)));
    return cluster;
  }

  /** From the join of a new one to the last one that knows it, itself included, which must know all; in ms. */
  async join(): Promise<number> {
    const place = this.#hosts.length - 1;
    const { began, asked } = await this.#join(place, this.#newName());
    const joined = this.#peer(place);
    const all = await Promise.all([
      this.#known('join', joined.name, asked, this.#others(place)),
      ...this.peers.map(({ name }) => joined.sightings.seen('join', name, 0, LIMIT)),
    ]);
    return Math.max(...all) - began;
  }

  /** The one that joined last leaves. */
  async leave(): Promise<number> {
    const place = this.#hosts.length - 1;
    const leaver = this.#peer(place);
    const began = monotonicNow();
    const [end] = await Promise.all([
      this.#known('leave', leaver.name, began, this.#others(place)),
      leaver.leave(),
    ]);
    return end - began;
  }

  /** From SIGKILL to the last one that calls it failed; then from its successor's join to the last one that knows it. */
  async kill(round: number): Promise<{ readonly failed: number; readonly back: number }> {
    const place = 1 + (round % (this.#hosts.length - 1));
    const { name } = this.#peer(place);
    // Not always at the same time after the last trial: who probes whom when would be similar each time.
    await sleep(Math.random() * 1000);
    const killed = monotonicNow();
    await this.#peer(place).kill();
    const failed = (await this.#known('failed', name, killed, this.#others(place))) - killed;
    const { began, asked } = await this.#join(place, name);
    const back = (await this.#known('join', name, asked, this.#others(place))) - began;
    return { failed, back };
  }

  /** From the origin's own sight of its event to the last one's. */
  async event(round: number): Promise<number> {
    const name = `event-${round}`;
    const origin = this.#peer(round % this.peers.length);
    await sleep(Math.random() * 1000);
    await origin.event(name, 'x'.repeat(32));
    const began = await origin.sightings.seen('event', name, 0, LIMIT);
    return (await this.#known('event', name, 0, this.peers)) - began;
  }

  async stop(): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer.kill()));
  }

  /** When it was told to join, and when it began to: others may be heard of it before its own line is read. */
  async #join(place: number, name: string): Promise<{ asked: number; began: number }> {
    const host = this.#hosts[place] as Host;
    const peer = await this.#start(host, name).ready();
    this.peers[place] = peer;
    const asked = monotonicNow();
    if (place === 0) return { asked, began: asked };
    return { asked, began: await peer.join(this.#peer(0).place.address) };
  }

  /** When the last of `peers` saw it. */
  async #known(what: Sight, name: string, since: number, peers: readonly Peer[]): Promise<number> {
    const times = peers.map((peer) => peer.sightings.seen(what, name, since, LIMIT));
    return Math.max(...(await Promise.all(times)));
  }

  #others(place: number): Peer[] {
    return this.peers.filter((_, i) => i !== place);
  }

  #peer(place: number): Peer {
    return this.peers[place] as Peer;
  }

  #newName(): string {
    return `m${++this.#names}`;
  }
}
