import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import {
  enforceNewKey,
  loadWireguardKey,
  makeWireguardKey,
  placeNewKey,
  randomPublicKey,
} from '../config/wireguard-key.ts';
import { DETOUR_LINKS, sessionName, type PeerSession, type PublicKey } from '../state/wireguard.ts';
import { KeyRotation } from './key-rotation.ts';
import { turn } from './machine.ts';
import { ProblemBoard } from './problem-board.ts';

let stateDir: string;

beforeEach(() => void (stateDir = mkdtempSync(join(tmpdir(), 'weft-rotation-'))));
afterEach(() => rmSync(stateDir, { recursive: true }));

/** A host without peers; what it plans and tells in turn. */
function stage({ formers = new Map<string, number>() } = {}) {
  const clock = new ManualClock();
  const { publicKey } = loadWireguardKey(stateDir, []);
  const done: unknown[] = [];
  const warnings: string[] = [];
  const board = new ProblemBoard(
    () => new Date(0),
    () => {},
  );
  const rotation = new KeyRotation({
    stateDir,
    every: 0,
    seconds: () => 0,
    planner: { peers: new Map(), behind: () => [], formers },
    board,
    clock,
    random: () => 0,
    log: { info: () => {}, warn: (_: object, text: string) => void warnings.push(text) },
    leases: () => [],
    publicKey: () => loadWireguardKey(stateDir, []).publicKey,
    tell: (newKey: PublicKey | undefined) => void done.push(newKey ?? 'no key told'),
    plan: async (planned) => void done.push(planned?.phase ?? 'at rest'),
  });
  const advance = async (ms: number): Promise<void> => {
    for (const end = clock.now() + ms; clock.now() < end;) {
      clock.advance(1000);
      rotation.look();
      await turn();
    }
  };
  return { rotation, publicKey, done, warnings, board, advance };
}

const isNewKeyThere = (): boolean => existsSync(join(stateDir, 'wgkey.new'));

test('while a former mesh stands it is refused', async () => {
  const { rotation, done } = stage({ formers: new Map([['vxlan', 0]]) });
  await expect(rotation.rotate(() => {})).rejects.toThrow('a change of backend is under way');
  expect(done).toEqual([]);
  expect(isNewKeyThere()).toBe(false);
});

test('found unfinished before the new key is in force, the old one stays', async () => {
  placeNewKey(stateDir, makeWireguardKey());
  const { rotation, publicKey, done, warnings, advance } = stage();
  rotation.start();
  await advance(5000);
  expect([done, isNewKeyThere()]).toEqual([['over', 'no key told'], true]);
  await advance(2000);
  expect([done, isNewKeyThere()]).toEqual([['over', 'no key told', 'at rest'], false]);
  expect(loadWireguardKey(stateDir, []).publicKey).toBe(publicKey);
  expect(warnings[0]).toContain('interrupted before the new one was in force');
  expect(rotation.isUnderWay).toBe(false);
});

test('found unfinished when the new key is in force, it goes on', async () => {
  const key = makeWireguardKey();
  placeNewKey(stateDir, key);
  enforceNewKey(stateDir, key);
  const { rotation, done, warnings, advance } = stage();
  rotation.start();
  await advance(3000);
  const { publicKey } = key;
  expect(done).toEqual(['back', publicKey, 'back', 'at rest', 'no key told']);
  expect([isNewKeyThere(), warnings]).toEqual([false, []]);
  expect(loadWireguardKey(stateDir, []).publicKey).toBe(publicKey);
});

test('given up, it is told at once, and is a problem as long as a peer sends by the detour', async () => {
  placeNewKey(stateDir, makeWireguardKey());
  const { rotation, board, advance } = stage();
  const steps: string[] = [];
  const refusal = rotation.rotate(({ step }) => void steps.push(step)).catch(String);
  for (let seconds = 1; seconds <= 20; seconds++) {
    const session = { receivedBytes: seconds } as PeerSession;
    rotation.look(new Map([[sessionName(DETOUR_LINKS[0], randomPublicKey()), session]]));
    await advance(1000);
    expect(board.list().map(({ code }) => code)).toEqual(['ROTATION_OVER']);
  }
  expect(steps).toEqual(['over']);
  await advance(6000);
  expect(board.list()).toEqual([]);
  expect(await refusal).toContain('interrupted before the new one was in force');
});

test('a peer that never leaves the detour is waited for an hour, and is a problem afterwards', async () => {
  placeNewKey(stateDir, makeWireguardKey());
  const { rotation, publicKey, done, warnings, board, advance } = stage();
  rotation.start();
  const name = sessionName(DETOUR_LINKS[0], randomPublicKey());
  const sendFor = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second++) {
      rotation.look(new Map([[name, { receivedBytes: ++received } as PeerSession]]));
      await advance(1000);
    }
  };
  let received = 0;
  await sendFor(3595);
  expect([rotation.isUnderWay, isNewKeyThere(), done.at(-1)]).toEqual([true, true, 'no key told']);
  await sendFor(10);
  expect([rotation.isUnderWay, isNewKeyThere(), done.at(-1)]).toEqual([false, false, 'at rest']);
  expect(board.list().map(({ code }) => code)).toEqual(['ROTATION_CUT_OFF']);
  expect(warnings.join()).toContain('does not reach this host until it has heard so');
  expect(loadWireguardKey(stateDir, []).publicKey).toBe(publicKey);
});
