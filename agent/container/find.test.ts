import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { watchStarts } from './engine.ts';
import { findContainer, isRemoved, type RuntimePlaces } from './find.ts';

let directory: string;
let places: RuntimePlaces;
let server: Server | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'weft-find-'));
  places = {
    engines: [join(directory, 'docker.sock')],
    tasks: join(directory, 'tasks'),
    podmanContainers: join(directory, 'containers.json'),
    podmanState: join(directory, 'podman'),
  };
});

afterEach(async () => {
  server?.closeAllConnections();
  await new Promise<void>((resolve) =>
    server === undefined ? resolve() : server.close(() => resolve()),
  );
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

async function serve(answers: Readonly<Record<string, [number, string]>>): Promise<void> {
  server = createServer((asked, answer) => {
    const [status, body] = answers[asked.url ?? ''] ?? [404, '{"message":"No such container"}'];
    answer.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(places.engines[0], resolve));
}

const json = (running: boolean, pid: number): string =>
  JSON.stringify({ Id: 'f00d', Name: '/web', State: { Running: running, Pid: pid } });

test('Docker is asked by its socket, and told apart are running, stopped and unknown', async () => {
  await serve({
    '/containers/web/json': [200, json(true, 4711)],
    '/containers/old/json': [200, json(false, 0)],
    '/containers/odd/json': [200, '<html>'],
  });
  expect(await findContainer('web', places)).toEqual({
    state: 'running',
    pid: 4711,
    id: 'f00d',
    runtime: places.engines[0],
  });
  expect(await findContainer('old', places)).toEqual({ state: 'stopped' });
  expect(await findContainer('none', places)).toEqual({ state: 'unknown' });
  expect(await findContainer('odd', places)).toEqual({ state: 'silent' });
});

test('without any runtime nothing is claimed of the container', async () => {
  expect(await findContainer('web', places)).toEqual({ state: 'silent' });
});

test("containerd's tasks are found by their files, by id or the beginning of one", async () => {
  const id = '0123456789abcdef0123456789abcdef';
  mkdirSync(join(places.tasks, 'default', id), { recursive: true });
  writeFileSync(join(places.tasks, 'default', id, 'init.pid'), '99\n');
  expect(await findContainer(id, places)).toEqual({
    state: 'running',
    pid: 99,
    id,
    runtime: 'containerd',
  });
  expect(await findContainer(id.slice(0, 12), places)).toEqual({
    state: 'running',
    pid: 99,
    id,
    runtime: 'containerd',
  });
  expect(await findContainer(id.slice(0, 11), places)).toEqual({ state: 'silent' });
});

test("Podman's containers are found by name, and have a process while they run", async () => {
  writeFileSync(places.podmanContainers, JSON.stringify([{ id: 'abc', names: ['web'] }, 7]));
  expect(await findContainer('web', places)).toEqual({ state: 'stopped' });
  mkdirSync(join(places.podmanState, 'abc/userdata'), { recursive: true });
  writeFileSync(join(places.podmanState, 'abc/userdata/pidfile'), '12');
  expect(await findContainer('web', places)).toEqual({
    state: 'running',
    pid: 12,
    id: 'abc',
    runtime: 'podman',
  });
});

test('what one runtime had is removed by its own word alone', async () => {
  await serve({ '/containers/web/json': [200, json(false, 0)] });
  const [docker = ''] = places.engines;
  const removed = (name: string, runtime?: string) => isRemoved(name, runtime, places);
  expect([await removed('web', docker), await removed('none', docker)]).toEqual([false, true]);
  expect(await removed('none', join(directory, 'other.sock'))).toBe(false);
  expect([await removed('none', 'containerd'), await removed('none', 'podman')]).toEqual([
    false,
    false,
  ]);
  writeFileSync(places.podmanContainers, JSON.stringify([{ id: 'abc', names: ['web'] }]));
  expect([await removed('none', 'podman'), await removed('web', 'podman')]).toEqual([true, false]);
});

test('starts are told as they happen, and that the engine hung up', async () => {
  server = createServer((asked, answer) => {
    expect(decodeURIComponent(asked.url ?? '')).toBe(
      '/events?filters={"type":["container"],"event":["start"]}',
    );
    answer.write('{"status":"start"}\n');
  });
  await new Promise<void>((resolve) => server?.listen(places.engines[0], resolve));
  await new Promise<void>((ended) => {
    watchStarts(places.engines[0] ?? '', () => server?.closeAllConnections(), ended);
  });
});
