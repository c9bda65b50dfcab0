/** The harness itself: what it builds works, and nothing of it stays. */
import { existsSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startDockerd } from '../lab/dockerd.ts';
import { createLab, OUTSIDE } from '../lab/lab.ts';
import { iperf, ping, startPing } from '../lab/probes.ts';
import { bridgeNetwork } from '../lab/subnet-env.ts';
import { labDirectory, namespacesOf, processesOf, sweepStale } from '../lab/traces.ts';
import { capture, monitor } from '../lab/watching.ts';

const DUAL_STACK = { v4: '192.168.77.0/24', v6: 'fd77::/64' };

function expectNothingOf(name: string): void {
  expect(namespacesOf(name)).toEqual([]);
  expect(processesOf(name)).toEqual([]);
  expect(existsSync(labDirectory(name))).toBe(false);
}

test('hosts reach each other, etcd and the outside in both families, on one link and across links', async () => {
  await using lab = await createLab({ nodes: 3, underlay: DUAL_STACK, segments: [0, 0, 1] });
  await lab.startEtcd();
  const from = lab.host(1);
  for (const family of [4, 6] as const)
    for (const place of [lab.host(2), lab.host(3), lab.etcdPlace, lab.outside]) {
      const to = place.addresses[family] ?? OUTSIDE[family];
      expect(await ping(from, to, { count: 3 })).toMatchObject({ sent: 3, lost: 0 });
    }
  await lab.configureNetwork({ Network: '10.5.0.0/16' });
  expect(await lab.etcdctl('get', '--print-value-only', '/coreos.com/network/config')).toBe(
    '{"Network":"10.5.0.0/16"}\n',
  );
});

test('workloads of a host reach each other and their gateway with the MTU asked for', async () => {
  await using lab = await createLab({ nodes: 1 });
  const host = lab.host(1);
  const network = bridgeNetwork({ 4: '10.5.1.1/24', 6: 'fd00:5:0:1::1/64', mtu: 1430 });
  const first = await host.attachWorkload('first', network);
  const second = await host.attachWorkload('second', network);
  expect([first.addresses[4], second.addresses[4]]).toEqual(['10.5.1.2', '10.5.1.3']);
  for (const to of Object.values({ ...second.addresses, gateway: network.gateways[4]?.address }))
    expect(await ping(first, to ?? second.address, { count: 3 })).toMatchObject({ lost: 0 });
  expect(await ping(first, host.address, { count: 3 })).toMatchObject({ lost: 0 });
  const [link] = await first.ipJson<{ mtu: number }>('link show eth0');
  expect(link?.mtu).toBe(1430);
});

test('a capture and a monitor miss nothing between their start and their end', async () => {
  await using lab = await createLab({ nodes: 2 });
  const [here, there] = [lab.host(1), lab.host(2)];
  const packets = await capture(here, here.link, 'icmp');
  const changes = await monitor(here);
  await ping(here, there.address, { count: 5 });
  for (let i = 0; i < 20; i++) await here.ip(`route add 10.9.${i}.0/24 via ${there.address}`);
  expect((await packets.stop()).filter((line) => line.includes('echo reply'))).toHaveLength(5);
  expect((await changes.stop()).filter((line) => line.includes('10.9.'))).toHaveLength(20);
});

test('what is lost while a link is down is counted, and throughput is measured', async () => {
  await using lab = await createLab({ nodes: 2 });
  const [here, there] = [lab.host(1), lab.host(2)];
  expect(await iperf(here, there, { seconds: 1 })).toBeGreaterThan(0);
  const untouched = await startPing(here, there.address);
  expect(await untouched.stop()).toMatchObject({ lost: 0 });
  const cut = await startPing(here, there.address);
  await there.ip(`link set ${there.link} down`);
  await ping(here, there.address, { count: 5 });
  const { sent, received, lost } = await cut.stop();
  expect(lost).toBeGreaterThanOrEqual(5);
  expect(sent).toBe(received + lost);
});

test('nothing stays after close, with programs still running', async () => {
  const lab = await createLab({ nodes: 2 });
  await lab.startEtcd();
  await lab.host(1).attachWorkload('web', bridgeNetwork({ 4: '10.5.1.1/24', mtu: 1450 }));
  const child = lab.host(2).spawn('sleep', ['600']);
  expect(namespacesOf(lab.name)).toHaveLength(5);
  expect(processesOf(lab.name).length).toBeGreaterThan(0);
  await lab.close();
  expect(child.result).toMatchObject({ signal: 'SIGTERM' });
  expectNothingOf(lab.name);
});

test('two hosts run a Docker Engine each, and nothing of it stays', async () => {
  const lab = await createLab({ nodes: 2 });
  try {
    const engines = await Promise.all(
      lab.hosts.map((host, i) => startDockerd(host, [`--bip=10.5.${i + 1}.1/24`, '--mtu=1450'])),
    );
    const containers = await Promise.all(engines.map((engine) => engine.run()));
    expect(containers.map(({ address }) => address)).toEqual(['10.5.1.2', '10.5.2.2']);
    const { code, stdout } = await containers[0]!.exec('hostname', '-i');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '10.5.1.2\n' });
    await engines[0]?.stop();
  } finally {
    await lab.close();
  }
  expectNothingOf(lab.name);
});

/** Makes a lab with a running etcd in a process of its own, and ends that with the signal. */
async function labEndedBy(signal: NodeJS.Signals): Promise<string> {
  const script = fileURLToPath(new URL('../lab/interrupted.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TSX_DISABLE_CACHE: '1' },
  });
  const ended = once(child, 'exit');
  const [name] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  expect(namespacesOf(name).length).toBeGreaterThan(2);
  child.kill(signal);
  await ended;
  return name;
}

test.each(['SIGTERM', 'SIGINT'] as const)(
  'nothing stays after %s in the middle',
  async (signal) => {
    expectNothingOf(await labEndedBy(signal));
  },
);

test('what SIGKILL left is swept by the next run, and a living lab is not', async () => {
  await using living = await createLab({ nodes: 1 });
  const name = await labEndedBy('SIGKILL');
  expect(processesOf(name).length).toBeGreaterThan(0);
  sweepStale();
  expectNothingOf(name);
  expect(namespacesOf(living.name)).toHaveLength(2);
});
