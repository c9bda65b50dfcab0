/** Endpoints beside a real Docker Engine. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { startDockerd, type Dockerd } from '../lab/dockerd.ts';
import { list, NETWORK, NOTHING, SOON, traces, weft } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Weftd } from '../lab/weftd.ts';

describe('with a Docker Engine that has the subnet', () => {
  let lab: Lab;
  let engine: Dockerd;
  let daemon: Weftd;
  beforeAll(async () => {
    lab = await createLab({ nodes: 1 });
    await lab.startEtcd();
    await lab.configureNetwork(NETWORK);
    const host = lab.host(1);
    const socket = join(host.directory, 'docker', 'docker.sock');
    daemon = await host.startWeftd([], { env: { DOCKER_HOST: `unix://${socket}` } }).waitReady();
    const env = readFileSync(host.subnetFile, 'utf8');
    const [, bip = ''] = /^FLANNEL_SUBNET=(.*)$/m.exec(env) ?? [];
    engine = await startDockerd(host, [`--bip=${bip}`, '--mtu=1450']);
  });
  afterAll(async () => {
    await engine?.stop();
    await daemon?.stop();
    await lab?.close();
  });

  test('its bridge is joined, its addresses are left to it, and a container is back when it is started again', async () => {
    const host = lab.host(1);
    await engine.run(['--name', 'plain']);
    await engine.run(['--name', 'web', '--network', 'none']);
    const endpoint = await weft<Endpoint>(host, 'attach', 'ctr:web', '--resolver');
    expect(endpoint).toMatchObject({ names: ['web'], bridge: 'docker0', target: 'ctr:web' });
    const [address = ''] = endpoint.addresses;
    expect(Number(address.split('.')[3])).toBeGreaterThanOrEqual(128);
    const plain = (await engine.docker('exec', 'plain', 'hostname', '-i')).trim();
    await engine.docker('exec', 'web', 'ping', '-c1', '-W2', plain);
    expect(await engine.docker('exec', 'web', 'cat', '/etc/resolv.conf')).toContain(
      `# weft endpoint ${endpoint.id}`,
    );
    await engine.docker('stop', '-t0', 'web');
    const state = async (): Promise<string | undefined> =>
      (await list(host)).find(({ id }) => id === endpoint.id)?.state;
    await eventually(async () => (await state()) === 'away', { within: SOON, what: 'it is away' });
    await engine.docker('start', 'web');
    await eventually(async () => (await state()) === 'attached', {
      within: SOON,
      what: 'it is attached again',
    });
    expect((await list(host)).find(({ id }) => id === endpoint.id)).toMatchObject({
      names: ['web'],
      addresses: [address],
    });
    await engine.docker('exec', 'web', 'ping', '-c1', '-W2', plain);
    await engine.docker('rm', '-f', 'web');
    await eventually(async () => (await state()) === undefined, {
      within: SOON,
      what: 'what was removed for good is forgotten',
    });
    expect(await traces(host)).toEqual(NOTHING);
  });
});
