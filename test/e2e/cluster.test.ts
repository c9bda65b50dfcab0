/** The whole cluster from any host: how every host is doing, and what happens, as it happens. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ClusterEvent, ClusterHost } from '../../controlplane/api/cluster-model.ts';
import type { Child } from '../lab/child.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { startMesh, type Mesh } from '../lab/mesh.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
/** From what happens on a host to its word on another one, in ms. */
const SOON = 10_000;
/** To see that one has vanished: probe, suspicion, gossip. */
const FAILURE = 30_000;

let mesh: Mesh;
/** `weft events --watch` on the first host. */
let watch: Child;
let [h1, h2, h3]: readonly Host[] = [];

beforeAll(async () => {
  mesh = await startMesh({ nodes: 3, network: NETWORK });
  [h1, h2, h3] = mesh.lab.hosts;
  await Promise.all(
    mesh.lab.hosts.map((host) =>
      eventually(async () => (await clusterOn(host)).every(isWell) || undefined, {
        within: FAILURE,
        what: `${host.name} sees three hosts that are well`,
      }),
    ),
  );
  watch = first().watchWeft(
    'events',
    '--watch',
    '--format',
    'is {{host}} {{kind}} {{subject}} {{text}}',
  );
});

afterAll(async () => {
  await watch?.stop();
  await mesh?.close();
});

function first(): Host {
  if (h1 === undefined) throw new Error('there is no host');
  return h1;
}

async function answer(host: Host | undefined, ...args: readonly string[]): Promise<unknown> {
  const { code, stdout, stderr } = await (host ?? first()).weft(...args, '--json');
  expect([code, stderr]).toEqual([0, '']);
  return JSON.parse(stdout);
}

async function clusterOn(host: Host | undefined): Promise<ClusterHost[]> {
  const hosts = (await answer(host, 'cluster', 'status')) as ClusterHost[];
  expect(hosts).toHaveLength(3);
  return hosts;
}

function isWell({ summary }: ClusterHost): boolean {
  return summary?.ready === true && summary.peers === 2 && summary.problemCount === 0;
}

async function untilEvent(host: Host | undefined, wanted: Partial<ClusterEvent>): Promise<void> {
  await eventually(
    async () =>
      expect(await answer(host, 'events')).toContainEqual(expect.objectContaining(wanted)) ?? true,
    { within: SOON, what: `${host?.name} knows ${JSON.stringify(wanted)}`, every: 200 },
  );
}

test('every host tells of every host, itself too', async () => {
  for (const host of [h1, h2, h3]) {
    const hosts = await clusterOn(host);
    expect(hosts.filter(({ mine }) => mine).map(({ name }) => name)).toEqual([host?.name]);
    const subnets = hosts.flatMap(({ summary }) => summary?.subnets ?? []);
    expect(new Set(subnets).size).toBe(3);
    for (const { summary } of hosts)
      expect(summary).toMatchObject({ backend: 'vxlan', etcdConnected: true });
  }
});

test('a host tells all others that it has started, and that it is ready', async () => {
  for (const host of [h1, h2, h3])
    for (const about of [h1, h2, h3])
      for (const kind of ['host-started', 'host-ready'])
        await untilEvent(host, { kind, host: about?.name ?? '' });
});

test('a problem begins, and ends: every host tells every other', async () => {
  const key = '/coreos.com/network/subnets/nonsense';
  await mesh.lab.etcdctl('put', key, '{}');
  for (const host of [h1, h3])
    await untilEvent(host, { kind: 'problem-begun', host: h2?.name ?? '' });
  const [worst] = await clusterOn(first());
  expect(worst?.summary).toMatchObject({
    problemCount: 1,
    problem: expect.stringContaining('nonsense') as string,
  });
  await mesh.lab.etcdctl('del', key);
  for (const host of [h1, h3])
    await untilEvent(host, { kind: 'problem-ended', host: h2?.name ?? '' });
});

test('another backend: every host says when it has it', async () => {
  await mesh.lab.configureNetwork({ ...NETWORK, Backend: { Type: 'host-gw' } });
  for (const about of [h1, h2, h3]) {
    const wanted = { kind: 'backend-changed', host: about?.name ?? '', subject: 'host-gw' };
    await untilEvent(h3, wanted);
    await watch.waitForLine(new RegExp(`^is ${about?.name} backend-changed host-gw`), SOON);
  }
});

test('who asks for a change is logged, also where it is refused; who reads is not', async () => {
  const { code } = await first().weft('key', 'use', 'AAAAAAAAAAAAAAAAAAAAAA==');
  expect(code).toBe(1);
  const [daemon] = mesh.daemons;
  const line = await daemon?.waitForLog(/a change is asked for/, SOON);
  expect(JSON.parse(line ?? '')).toMatchObject({
    call: 'changeKey',
    by: expect.stringMatching(/^uid 0, gid 0, pid [1-9]\d*$/) as string,
  });
  const asked = daemon?.logLines().filter((text) => text.includes('a change is asked for'));
  expect(asked).toHaveLength(1);
});

test('a host is killed: it comes first, and its end is told as it happens; its return too', async () => {
  const name = h3?.name ?? '';
  await mesh.daemons[2]?.kill('SIGKILL');
  // It is alive to the others until they know better, and does not answer.
  const [worst] = await clusterOn(first());
  expect(worst).toMatchObject({ name });
  expect(worst?.summary).toBeUndefined();
  const { stdout } = await first().weft('cluster', 'status');
  expect(stdout).toMatch(new RegExp(`^HOST.*\n${name} +(no answer|failed) `));
  await watch.waitForLine(new RegExp(`^is ${name} member-failed`), FAILURE);
  const again = h3?.startWeftd();
  await again?.waitReady();
  await watch.waitForLine(new RegExp(`^is ${name} member-joined .* is back`), FAILURE);
});
