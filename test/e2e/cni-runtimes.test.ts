/** Real runtimes' own CNI with the plugin, `ctr run --cni` and Podman: containers that others reach by name. */
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WEFT_CNI } from '../lab/cni.ts';
import { attach, list, NOTHING, readyLab, SOON, traces } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import type { Lab } from '../lab/lab.ts';
import { createNetwork } from '../lab/networks.ts';
import {
  containerd,
  makeRootfs,
  podman,
  type CniDirectories,
  type Containerd,
  type Runtime,
} from '../lab/runtimes.ts';
import { makeTarget } from '../lab/target.ts';

let lab: Lab;
let hosts: [Host, Host];
let rootfs: string;
let runtime: Containerd;
let engine: Runtime | undefined;
let directories: CniDirectories;

beforeAll(async () => {
  ({ lab } = await readyLab(2));
  hosts = lab.hosts as unknown as [Host, Host];
  const { directory, socket } = hosts[0];
  directories = { configurations: join(directory, 'net.d'), plugins: join(directory, 'plugins') };
  for (const each of Object.values(directories)) await mkdir(each);
  await symlink(WEFT_CNI, join(directories.plugins, 'weft'));
  const plugins = [{ type: 'weft', network: 'blue', socket, capabilities: { aliases: true } }];
  const list = { cniVersion: '1.0.0', name: 'weftnet', plugins };
  await writeFile(join(directories.configurations, '10-weft.conflist'), JSON.stringify(list));
  rootfs = await makeRootfs(directory);
  runtime = await containerd(rootfs, join(directory, 'containerd'), lab.name);
  await createNetwork(lab, 'blue', { v4: '10.6.0.0/24', v6: 'fd00:6::/64' });
});
afterAll(async () => {
  await engine?.close();
  await runtime?.close();
  await lab?.close();
});

test('a container of ctr is in the network while it runs', async () => {
  const child = runtime.runWithCni('web', directories);
  const name = `${lab.name}-web`;
  const endpoint = await child.untilOr(
    async () => (await list(hosts[0])).find(({ state }) => state === 'attached'),
    { within: SOON, what: 'it is attached' },
  );
  expect(endpoint).toMatchObject({ names: [name], network: 'blue', link: 'eth0' });
  expect(endpoint?.target).toMatch(new RegExp(`^cni:weftnet/${name}/eth0/proc/\\d+/ns/net$`));
  const space = await makeTarget(hosts[1], 'bare');
  const other = await attach(hosts[1], space, 'blue', '--name', 'bare');
  const words = ['netns', 'exec', space.netns, 'ping', '-c1', '-W2', name];
  await eventually(async () => (await hosts[1].ground.run('ip', words)).code === 0, {
    within: SOON,
    what: `${name} answers`,
  });
  const [address = ''] = other.addresses;
  const back = ['endpoint', 'exec', endpoint?.id ?? '', '--', 'ping', '-c1', '-W2', address];
  expect((await hosts[0].weft(...back)).code).toBe(0);
  await runtime.kill('web');
  await child.ended;
  // DEL, which has no namespace any more, did not fail.
  expect(child.tail()).not.toContain('level=error');
  await eventually(async () => (await list(hosts[0])).every(({ mine }) => !mine), {
    within: SOON,
    what: 'it is gone',
  });
  expect(await traces(hosts[0])).toEqual(NOTHING);
});

test('a container of Podman is, under its names, also after it was started again', async () => {
  const settings = join(hosts[0].directory, 'containers.conf');
  const lines = [
    '[network]',
    'network_backend = "cni"',
    `network_config_dir = "${directories.configurations}"`,
    `cni_plugin_dirs = ["${directories.plugins}", "/usr/lib/cni"]`,
  ];
  await writeFile(settings, `${lines.join('\n')}\n`);
  const name = `${lab.name}-pod`;
  engine = podman(rootfs, lab.name, { network: 'weftnet', settings });
  await engine.run(name);
  const [endpoint] = (await list(hosts[0])).filter(({ mine }) => mine);
  expect(endpoint?.names[0]).toBe(name);
  expect(endpoint).toMatchObject({ network: 'blue', state: 'attached' });
  await engine.stop(name);
  await engine.start(name);
  const [again] = (await list(hosts[0])).filter(({ mine }) => mine);
  expect(again).toMatchObject({ id: endpoint?.id, names: endpoint?.names });
  await engine.remove(name);
  expect(await traces(hosts[0])).toEqual(NOTHING);
});
