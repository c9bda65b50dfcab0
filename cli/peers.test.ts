import { expect, test, vi } from 'vitest';
import { peerNumber, SINCE, Stage } from '../controlplane/api/testing.ts';
import type { Peer } from '../controlplane/api/model.ts';
import { run } from './app.ts';
import { ask, Recorder } from './testing.ts';

const PLAIN: Peer = {
  ...peerNumber(10),
  backend: 'wireguard',
  reason: 'its address is public',
  endpoint: '192.0.2.10:51820',
  lastHandshake: new Date(SINCE.getTime() - 12_000),
  receivedBytes: 1_600_000,
  sentBytes: 0,
  pathMtu: 1400,
  mtu: 1312,
};
const LOST: Peer = { key: '10.9.0.0-24', subnets: [], problems: ['no subnet', 'no\u001b[2J'] };

test('peers: a table by subnet, with the columns that somebody has', async () => {
  await using stage = await Stage.open();
  stage.daemon.putPeer(PLAIN);
  stage.daemon.putPeer(peerNumber(2));
  const { out, code } = await ask(stage, 'peers');
  expect(code).toBe(0);
  expect(out).toBe(
    [
      'SUBNET        HOST  BACKEND    REASON                 ENDPOINT          HANDSHAKE  RECEIVED  SENT  PATH MTU  MTU   RTT      STATE',
      '10.0.2.0/24   h2    vxlan      -                      192.0.0.2:8472    -          -         -     1500      1450  0.50 ms  ok',
      '10.0.10.0/24  h10   wireguard  its address is public  192.0.2.10:51820  3 h ago    1.5 MiB   0 B   1400      1312  2.50 ms  ok',
      '2 peers',
      '',
    ].join('\n'),
  );
  const json = JSON.parse((await ask(stage, 'peers', '--json')).out) as unknown[];
  expect(json).toEqual(JSON.parse(JSON.stringify([peerNumber(2), PLAIN])));
});

test('peers: what is wrong is said, and counted', async () => {
  await using stage = await Stage.open();
  stage.daemon.putPeer(LOST);
  stage.daemon.putPeer(peerNumber(2));
  const { out } = await ask(stage, 'peers');
  expect(out).toBe(
    [
      'SUBNET       HOST  BACKEND  ENDPOINT        PATH MTU  MTU   RTT      STATE',
      '10.0.2.0/24  h2    vxlan    192.0.0.2:8472  1500      1450  0.50 ms  ok',
      '10.9.0.0-24  -     -        -               -         -     -        no subnet; no\\u001b[2J',
      '2 peers, something is wrong with 1',
      '',
    ].join('\n'),
  );
});

test('peers --watch: the table, then a line for each change', async () => {
  await using stage = await Stage.open();
  stage.daemon.putPeer(peerNumber(1));
  const io = new Recorder();
  const ended = run(['peers', '--watch', '--socket', stage.socketPath], io);
  await vi.waitFor(() => expect(io.out).toContain('1 peer\n'));
  stage.daemon.putPeer({ ...peerNumber(1), pathMtu: 1400, mtu: 1350 });
  await vi.waitFor(() => expect(io.out).toContain('1400'));
  stage.daemon.removePeer(peerNumber(1).key);
  await vi.waitFor(() => expect(io.out).toContain('- 10.0.1.0-24\n'));
  await stage.stop();
  expect(await ended).toBe(3);
  expect(io.out).toContain('+ 10.0.1.0/24  h1  vxlan  192.0.0.1:8472  1400  1350  ok\n');
});
