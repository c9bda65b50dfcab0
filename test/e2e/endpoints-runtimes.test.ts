/** Containers of real Podman and real containerd as endpoints, without Docker. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { list, NOTHING, readyLab, SOON, traces, weft } from '../lab/endpoints.ts';
import { eventually } from '../lab/eventually.ts';
import type { Lab } from '../lab/lab.ts';
import { dig } from '../lab/names.ts';
import { containerd, makeRootfs, podman, type Runtime } from '../lab/runtimes.ts';

let lab: Lab;
const runtimes = new Map<string, Runtime>();

beforeAll(async () => {
  ({ lab } = await readyLab(1));
  const host = lab.host(1);
  const rootfs = await makeRootfs(host.directory);
  runtimes.set('podman', podman(rootfs, lab.name));
  runtimes.set(
    'containerd',
    await containerd(rootfs, join(host.directory, 'containerd'), lab.name),
  );
});
afterAll(async () => {
  for (const runtime of runtimes.values()) await runtime.close();
  await lab?.close();
});

test.each(['podman', 'containerd'])(
  'a container of %s is attached, away while it is stopped, and back with its address',
  async (which) => {
    const host = lab.host(1);
    const runtime = runtimes.get(which) as Runtime;
    const name = `${lab.name}-${which}`;
    await runtime.run(name);
    const endpoint = await weft<Endpoint>(host, 'attach', `ctr:${name}`, '--name', which);
    expect(endpoint).toMatchObject({ names: [which], state: 'attached' });
    const answered = async (data: readonly string[]): Promise<unknown> =>
      await eventually(
        async () => {
          expect((await dig(host, '127.0.0.57', which)).data).toEqual(data);
          return true;
        },
        { within: SOON, what: `${which} is answered with ${data.join()}` },
      );
    await answered(endpoint.addresses);
    const { code } = await host.exec('ping', ['-c1', '-W2', endpoint.addresses[0] ?? '']);
    expect(code).toBe(0);
    const becomes = (state: string | undefined): Promise<unknown> =>
      eventually(
        async () => (await list(host)).find(({ id }) => id === endpoint.id)?.state === state,
        { within: SOON, what: `it is ${state}` },
      );
    await runtime.stop(name);
    await becomes('away');
    await answered([]);
    await runtime.start(name);
    await becomes('attached');
    await answered(endpoint.addresses);
    await runtime.remove(name);
    if (which === 'podman') await becomes(undefined);
    else {
      // Its state tells of what runs alone.
      await becomes('away');
      await weft(host, 'detach', endpoint.id);
    }
    expect(await traces(host)).toEqual(NOTHING);
  },
);
