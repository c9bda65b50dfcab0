/** flannel's tutorial with weft in flannel's place: a Docker Engine on each host, and containers that reach each other. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDockerd, type Container, type Dockerd } from '../lab/dockerd.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, OUTSIDE, type Lab } from '../lab/lab.ts';
import { labDirectory, namespacesOf, processesOf } from '../lab/traces.ts';
import { capture } from '../lab/watching.ts';
import type { Weftd } from '../lab/weftd.ts';

const CONFIG = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
/** An accept that somebody takes away is back within this time. */
const REPAIR_MS = 1000;
const ACCEPTS = ['-s', '-d'].map(
  (side) => `-A DOCKER-USER ${side} 10.5.0.0/16 -m comment --comment "weft forward" -j ACCEPT`,
);

let lab: Lab;
let first: Host;
let second: Host;
let daemons: Weftd[];
let engines: Dockerd[];
let containers: Container[];

/** As Docker's unit file takes it from `EnvironmentFile=`. */
async function dockerOptions(host: Host): Promise<string[]> {
  const file = join(host.directory, 'docker_opts.env');
  const written = await host.weft('docker-opts', '-f', host.subnetFile, '-d', file, '-c');
  expect(written).toEqual({ code: 0, stdout: '', stderr: '' });
  const [, options = ''] = /^DOCKER_OPTS="(.*)"\n$/.exec(await readFile(file, 'utf8')) ?? [];
  return options.split(' ').filter(Boolean);
}

async function docker(host: Host): Promise<string[]> {
  // Docker turns forwarding on where it is off, and only then sets FORWARD's policy to DROP.
  await host.setSysctls({ 'net.ipv4.ip_forward': 0 });
  return dockerOptions(host);
}

beforeAll(async () => {
  lab = await createLab({ nodes: 2 });
  [first, second] = [lab.host(1), lab.host(2)];
  await lab.startEtcd();
  await lab.etcdctl('put', '/coreos.com/network/config', CONFIG);
  daemons = await Promise.all(lab.hosts.map((host) => host.startWeftd(['--ip-masq']).waitReady()));
  // On the second host Docker is there before weftd, which has been there before.
  await daemons[1]?.stop();
  const options = await Promise.all([docker(first), docker(second)]);
  await second.output('nft', ['delete', 'table', 'inet', 'weft']);
  engines = await Promise.all(lab.hosts.map((host, i) => startDockerd(host, options[i] ?? [])));
  daemons[1] = await second.startWeftd(['--ip-masq']).waitReady();
  containers = await Promise.all(engines.map((engine) => engine.run()));
});

afterAll(async () => {
  const { name } = lab;
  await lab.close();
  expect(namespacesOf(name)).toEqual([]);
  expect(processesOf(name)).toEqual([]);
  expect(existsSync(labDirectory(name))).toBe(false);
});

function container(number: number): Container {
  const found = containers[number - 1];
  if (found === undefined) throw new RangeError(`there is no container ${number}`);
  return found;
}

async function expectAnswers(from: Container, to: string): Promise<void> {
  const { stdout } = await from.exec('ping', '-c3', '-i0.05', '-W1', to);
  expect(stdout).toContain('3 packets transmitted, 3 packets received');
}

/** Chains and rules of Docker's and weft's making in the filter table. */
async function filterRules(host: Host): Promise<string[]> {
  const text = await host.output('iptables-save', ['-t', 'filter']);
  return text.split('\n').filter((line) => /^:FORWARD|^-A/.test(line));
}

async function expectAccepted(host: Host): Promise<void> {
  const rules = await filterRules(host);
  expect(rules).toContainEqual(expect.stringMatching(/^:FORWARD DROP /));
  expect(rules).toEqual(expect.arrayContaining(ACCEPTS));
  expect(rules.filter((rule) => rule.includes('weft forward'))).toHaveLength(ACCEPTS.length);
}

async function eventuallyAccepted(host: Host): Promise<void> {
  const what = "weft's accepts stand in DOCKER-USER";
  await eventually(() => expectAccepted(host).then(() => true), { within: REPAIR_MS, what });
}

test("Docker uses the host's subnet, and what weft knows of MTU and masquerading", async () => {
  for (const [i, host] of lab.hosts.entries()) {
    const env = await readFile(host.subnetFile, 'utf8');
    const [, base] = /^FLANNEL_SUBNET=(\d+\.\d+\.\d+)\.1\/24$/m.exec(env) ?? [];
    expect(await dockerOptions(host)).toEqual([
      `--bip=${base}.1/24`,
      '--ip-masq=false',
      '--mtu=1450',
    ]);
    expect(containers[i]?.address).toBe(`${base}.2`);
    const [bridge] = await host.ipJson<{ mtu: number }>('link show docker0');
    expect(bridge?.mtu).toBe(1450);
  }
});

test('FORWARD drops, and the accepts stand where Docker asks first, whoever came first', async () => {
  await expectAccepted(first);
  await expectAccepted(second);
});

test('containers reach each other, each seen by its own address', async () => {
  const packets = await capture(second, 'docker0', 'icmp');
  await expectAnswers(container(1), container(2).address);
  await expectAnswers(container(2), container(1).address);
  const sources = (await packets.stop()).filter((line) => line.includes('echo request'));
  const seen = new Set(sources.map((line) => /IP (\S+) > /.exec(line)?.[1]));
  expect(seen).toEqual(new Set(containers.map(({ address }) => address)));
});

test('containers reach the outside, which sees their host', async () => {
  const packets = await capture(lab.outside, 'br0', 'icmp');
  await expectAnswers(container(1), OUTSIDE[4]);
  await expectAnswers(container(2), OUTSIDE[4]);
  const requests = (await packets.stop()).filter((line) => line.includes('echo request'));
  const seen = new Set(requests.map((line) => /IP (\S+) > /.exec(line)?.[1]));
  expect(seen).toEqual(new Set([first.address, second.address]));
});

test('a flush of DOCKER-USER is repaired within a second', async () => {
  const daemon = daemons[0];
  const before = daemon?.log().length ?? 0;
  await first.output('iptables', ['-F', 'DOCKER-USER']);
  await eventuallyAccepted(first);
  await expectAnswers(container(1), container(2).address);
  const told = await eventually(
    () => {
      const lines = daemon?.log().slice(before) ?? [];
      return lines.length >= ACCEPTS.length && lines;
    },
    { within: REPAIR_MS, what: 'the log tells of it' },
  );
  expect(told.map(({ msg, drift }) => ({ msg, drift }))).toEqual(
    ACCEPTS.map(() => ({ msg: 'repaired', drift: 'removed' })),
  );
});

test('Docker restarted while weftd runs: the accepts are back, and containers reach each other', async () => {
  const options = await dockerOptions(first);
  await engines[0]?.stop();
  // As after a reboot, with weftd first: Docker's chains are gone, and its policy with them.
  await first.output('iptables', ['-P', 'FORWARD', 'ACCEPT']);
  for (const table of ['filter', 'nat'])
    await first.output('nft', ['delete', 'table', 'ip', table]);
  await first.setSysctls({ 'net.ipv4.ip_forward': 0 });
  const engine = await startDockerd(first, options);
  await eventuallyAccepted(first);
  engines[0] = engine;
  containers[0] = await engine.run();
  await expectAnswers(container(1), container(2).address);
  await expectAnswers(container(2), container(1).address);
});

test('without weft nothing of its own is left, and Docker stands as before', async () => {
  for (const daemon of daemons) await daemon.stop();
  for (const host of lab.hosts) {
    const before = await filterRules(host);
    expect(await host.runWeftd(['cleanup', '--yes'])).toMatchObject({ code: 0, stderr: '' });
    const after = await filterRules(host);
    expect(after).toEqual(before.filter((rule) => !rule.includes('weft')));
    expect(await host.output('nft', ['list', 'tables'])).not.toContain('weft');
  }
});
