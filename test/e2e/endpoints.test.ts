/** Endpoints on real kernels: attached by one line, reached from everywhere, and gone without a trace. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import type { Namespace } from '../lab/namespace.ts';
import { makeTarget, removeTarget } from '../lab/target.ts';
import type { Weftd } from '../lab/weftd.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
const SOON = 10_000;

async function ready(nodes: number): Promise<{ lab: Lab; daemons: Weftd[] }> {
  const lab = await createLab({ nodes });
  try {
    await lab.startEtcd();
    await lab.configureNetwork(NETWORK);
    const daemons = lab.hosts.map((host) => host.startWeftd());
    await Promise.all(daemons.map((daemon) => daemon.waitReady()));
    return { lab, daemons };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Its JSON; throws with what it said when it failed. */
async function weft<T>(host: Host, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await host.weft(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as T;
}

const attach = (host: Host, target: Namespace, ...flags: readonly string[]): Promise<Endpoint> =>
  weft<Endpoint>(host, 'attach', `netns:${target.netns}`, ...flags);

const list = (host: Host): Promise<Endpoint[]> => weft<Endpoint[]>(host, 'endpoint', 'ls');

describe('three hosts, three workloads each', () => {
  let lab: Lab;
  let daemons: Weftd[];
  const targets: { host: Host; target: Namespace; endpoint: Endpoint }[] = [];

  beforeAll(async () => {
    ({ lab, daemons } = await ready(3));
    for (const host of lab.hosts)
      for (const number of [1, 2, 3]) {
        const target = await makeTarget(host, `w${number}`);
        const endpoint = await attach(host, target, '--name', `${host.name}-w${number}`);
        targets.push({ host, target, endpoint });
      }
  });
  afterAll(() => lab?.close());

  test('everything reaches everything', async () => {
    const lost = await Promise.all(
      targets.flatMap(({ target }) =>
        targets.map(async ({ endpoint }) => {
          const [address = ''] = endpoint.addresses;
          const { code } = await target.exec('ping', ['-c2', '-i0.2', '-W2', address]);
          return code === 0 ? undefined : `${target.name} to ${address}`;
        }),
      ),
    );
    expect(lost.filter((pair) => pair !== undefined)).toEqual([]);
    expect(daemons).toHaveLength(3);
  });

  test('every host knows of all', async () => {
    const wanted = targets.map(({ endpoint }) => endpoint.names.join()).sort();
    for (const host of lab.hosts)
      await eventually(
        async () => {
          const told = await list(host);
          expect(told.map(({ names }) => names.join()).sort()).toEqual(wanted);
          return true;
        },
        { within: SOON, what: `${host.name} knows of all endpoints` },
      );
  });

  test('one that is detached is gone, inside and outside', async () => {
    const [{ host, target, endpoint }] = targets as [(typeof targets)[0]];
    await weft(host, 'detach', endpoint.names[0] ?? '');
    expect(await target.ipJson('link show')).toHaveLength(1);
    expect((await list(host)).map(({ id }) => id)).not.toContain(endpoint.id);
    const hostLink = endpoint.hostLink ?? '';
    expect(JSON.stringify(await host.ipJson('link show'))).not.toContain(hostLink);
    await removeTarget(target);
  });
});
