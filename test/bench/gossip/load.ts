/** What peers at rest cost: processor, packets, memory. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Peer } from '../../lab/gossip-peer.ts';
import { memoryOf } from '../common/daemon.ts';

export interface Load {
  /** Share of one processor. */
  readonly cpu: number;
  /** Sent in a second, with Ethernet's header. */
  readonly packets: number;
  readonly bytes: number;
  /** In bytes. */
  readonly rss: number;
  readonly anonymous: number;
}

/** One of each peer, over `time` ms. */
export async function loadOf(peers: readonly Peer[], time: number): Promise<Load[]> {
  const before = peers.map(look);
  await sleep(time);
  return peers.map((peer, i) => {
    const [then, now] = [before[i] as Look, look(peer)];
    const seconds = (now.at - then.at) / 1e3;
    return {
      cpu: (now.cpu - then.cpu) / seconds / 1e9,
      packets: (now.packets - then.packets) / seconds,
      bytes: (now.bytes - then.bytes) / seconds,
      ...memoryOf(peer.child.pid),
    };
  });
}

interface Look {
  readonly at: number;
  /** In ns. */
  readonly cpu: number;
  readonly packets: number;
  readonly bytes: number;
}

function look({ child: { pid } }: Peer): Look {
  return { at: performance.now(), cpu: cpuOf(pid), ...sentBy(pid) };
}

/** Of all its threads so far, in ns: proc(5) has ticks of 10 ms only, a tenth of what a peer at rest takes in 10 s. */
function cpuOf(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads
    .map((id) => Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]))
    .reduce((sum, each) => sum + each, 0);
}

/** Of the process's namespace, by its link to the others (/proc/PID/net/dev). */
function sentBy(pid: number): { packets: number; bytes: number } {
  const line = /^\s*eth0:(.*)$/m.exec(readFileSync(`/proc/${pid}/net/dev`, 'utf8'))?.[1] ?? '';
  const numbers = line.trim().split(/\s+/).map(Number);
  return { bytes: numbers[8] ?? 0, packets: numbers[9] ?? 0 };
}
