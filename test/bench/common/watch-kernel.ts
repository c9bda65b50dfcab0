/** Routes and neighbours of a namespace as the kernel tells of them, for benchmarks that wait for one. */
import type { Prefix } from '../../../agent/ip/prefix.ts';
import * as nl from '../../../agent/kernel/netlink/constants.ts';
import { readNeighbour } from '../../../agent/kernel/netlink/neighbour.ts';
import { readRoute } from '../../../agent/kernel/netlink/route.ts';
import { openEventSocket } from '../../../agent/kernel/netlink/socket.ts';
import type { Message } from '../../../agent/kernel/netlink/message.ts';
import { enterNamespace } from '../../lab/enter.ts';

export interface KernelWatcher {
  /** Resolves with the time (performance.now()) when a route to the prefix next comes or goes. */
  route(prefix: Prefix): Promise<number>;
  /** The same for a neighbour, as `ADDRESS MAC`. */
  neighbour(text: string): Promise<number>;
  close(): void;
}

export function watchKernel(netns: string): KernelWatcher {
  const waiting = new Map<string, (at: number) => void>();
  const tell = (what: string): void => {
    waiting.get(what)?.(performance.now());
    waiting.delete(what);
  };
  const listener = {
    onMessage: (message: Message) => tell(whatIsTold(message)),
    onLost: (reason: string) => {
      throw new Error(`${netns}: ${reason}`);
    },
  };
  const next = (what: string): Promise<number> =>
    new Promise((resolve) => waiting.set(what, resolve));
  const leave = enterNamespace(netns);
  try {
    const groups = [nl.RTNLGRP_NEIGH, nl.RTNLGRP_IPV4_ROUTE];
    const socket = openEventSocket(nl.NETLINK_ROUTE, groups, listener);
    return { route: next, neighbour: next, close: () => socket.close() };
  } finally {
    leave();
  }
}

function whatIsTold(message: Message): string {
  if (message.type === nl.RTM_NEWROUTE || message.type === nl.RTM_DELROUTE)
    return readRoute(message)?.prefix ?? '';
  const neighbour = readNeighbour(message);
  return neighbour?.kind === 'neighbour' ? `${neighbour.address} ${neighbour.mac}` : '';
}
