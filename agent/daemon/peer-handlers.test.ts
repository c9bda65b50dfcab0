import { expect, test } from 'vitest';
import type { Peer, PeerChange } from '../../controlplane/api/model.ts';
import { peerNumber } from '../../controlplane/api/testing.ts';
import { ManualClock } from '../../test/sim/clock.ts';
import { PeerWatch } from './peer-handlers.ts';

test('a watcher is told what is new, what has changed in earnest, and what is gone', () => {
  const clock = new ManualClock();
  const table = new Map<string, Peer>();
  const put = (peer: Peer): void => void table.set(peer.key, peer);
  put(peerNumber(1));
  put(peerNumber(2));
  const changes: PeerChange[] = [];
  const stop = new PeerWatch(() => table.values(), clock).add((change) => changes.push(change));
  clock.advance(5_000);
  expect(changes).toEqual([]);
  put({ ...peerNumber(1), roundTripMs: 7, sentBytes: 9, lastHandshake: new Date(0) });
  const smaller = { ...peerNumber(2), pathMtu: 1400 };
  put(smaller);
  put(peerNumber(3));
  clock.advance(1_000);
  table.delete(peerNumber(3).key);
  clock.advance(1_000);
  expect(changes).toEqual([
    { type: 'present', peer: smaller },
    { type: 'present', peer: peerNumber(3) },
    { type: 'removed', key: peerNumber(3).key },
  ]);
  stop();
  table.clear();
  clock.advance(5_000);
  expect(changes).toHaveLength(3);
});
