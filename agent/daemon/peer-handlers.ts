/** What the control API says of peers. */
import type { ControlHandlers } from '../../controlplane/api/handlers.ts';
import type { Peer, PeerChange } from '../../controlplane/api/model.ts';
import type { MemberView } from '../gossip/member.ts';
import type { Clock } from '../state/clock.ts';
import type { SubnetService } from '../subnet/service.ts';
import type { Daemon } from './daemon.ts';
import { machineClock } from './machine.ts';
import { apiPeer, type PeerSources } from './peer-rows.ts';

export function peerHandlers(daemon: Daemon): Pick<ControlHandlers, 'peers' | 'watchPeers'> {
  const peers = (): Iterable<Peer> => peersOf(daemon);
  const watch = new PeerWatch(peers, machineClock);
  return { peers, watchPeers: (listener) => watch.add(listener) };
}

function* peersOf(daemon: Daemon): Iterable<Peer> {
  const { session, planner, host, reconciler, membership, pathFinder } = daemon;
  const service = session?.service;
  if (service === undefined) return;
  const sources: PeerSources = {
    link: (name) => planner.link(name),
    session: (peer) => host.wireguard.sessionOf(peer),
    refused: new Map(reconciler.problems().map(({ key, message }) => [key, message])),
  };
  const members = new Map<string, MemberView>();
  for (const member of membership?.member?.members() ?? []) members.set(member.address, member);
  for (const row of service.rows()) {
    if (row.key === service.own?.key) continue;
    const { gossip } = row.lease ?? {};
    const view = viewOf(daemon, service, row.key);
    const facts = {
      row,
      view,
      way: view === undefined ? {} : pathFinder.wayTo(row.key, view.lease),
      note: service.noteOn(row.key),
      member: gossip === undefined ? undefined : members.get(gossip),
      changingTo: session?.changingTo(row.key),
    };
    yield apiPeer(facts, sources);
  }
}

function viewOf({ planner }: Daemon, service: SubnetService, key: string) {
  return service.peers.has(key) ? planner.peer(key) : undefined;
}

/** Between two looks of a watcher, in ms. */
const PERIOD = 1000;

/** Finds what has changed by looking again and again, while anybody watches: it has many sources. */
export class PeerWatch {
  readonly #peers: () => Iterable<Peer>;
  readonly #clock: Clock;
  readonly #listeners = new Set<(change: PeerChange) => void>();
  /** What was told of each, by key. */
  #told = new Map<string, string>();
  #cancel: () => void = () => {};

  constructor(peers: () => Iterable<Peer>, clock: Clock) {
    this.#peers = peers;
    this.#clock = clock;
  }

  /** Returns what ends it. */
  add(listener: (change: PeerChange) => void): () => void {
    if (this.#listeners.size === 0) {
      this.#told = new Map([...this.#peers()].map((peer) => [peer.key, lasting(peer)]));
      this.#lookLater();
    }
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#cancel();
    };
  }

  #lookLater(): void {
    this.#cancel = this.#clock.after(PERIOD, () => {
      this.#look();
      this.#lookLater();
    });
  }

  #look(): void {
    const before = this.#told;
    this.#told = new Map();
    for (const peer of this.#peers()) {
      const text = lasting(peer);
      this.#told.set(peer.key, text);
      if (before.get(peer.key) !== text) this.#tell({ type: 'present', peer });
    }
    for (const key of before.keys()) if (!this.#told.has(key)) this.#tell({ type: 'removed', key });
  }

  #tell(change: PeerChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** What is worth telling when it changes. */
function lasting(peer: Peer): string {
  const {
    lastHandshake: _at,
    receivedBytes: _in,
    sentBytes: _out,
    roundTripMs: _ms,
    ...rest
  } = peer;
  return JSON.stringify(rest);
}
