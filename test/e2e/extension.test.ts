/** Backends whose mesh is made by somebody else: alloc gives subnets only, extension runs the operator's commands. */
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { entriesOf, leaseOf, leasesIn, putLease } from '../lab/overlay.ts';
import { ping, startPing } from '../lab/probes.ts';

const SOON = 5_000;
const NETWORK = '10.5.0.0/16';

async function usingMesh(backend: object, use: (mesh: Mesh) => Promise<void>): Promise<void> {
  const network = { Network: NETWORK, Backend: backend };
  const mesh = await startMesh({ nodes: 2, network });
  try {
    await use(mesh);
  } finally {
    await mesh.close();
  }
}

test('alloc: every host has a lease as flanneld writes it, and the kernel nothing', async () => {
  await usingMesh({ Type: 'alloc' }, async ({ lab }) => {
    for (const host of lab.hosts) {
      const { text, key } = await leaseOf(lab, host.address);
      expect(key).toMatch(/^10\.5\.\d+\.0-24$/);
      expect(text).toMatch(
        new RegExp(`^{"PublicIP":"${host.address}","PublicIPv6":null,"Weft":{"Node":"[^}]*}}$`),
      );
      expect(await readFile(host.subnetFile, 'utf8')).toContain('\nFLANNEL_MTU=1500\n');
      expect(await entriesOf(host)).toEqual({ routes: [], neighbours: [], fdb: [] });
      const status = await host.weft('status');
      expect(status.stdout).toContain('nothing is wrong');
    }
  });
});

/** Notes what it was run for and with in DIRECTORY/HOST.ADDRESS, then adds or deletes the route. */
const SCRIPT = `#!/bin/sh
set -e
me=$(ip -4 -o address show eth0 | sed 's/.*inet \\([0-9.]*\\).*/\\1/')
echo "$1 SUBNET=$SUBNET PUBLIC_IP=$PUBLIC_IP NETWORK=$NETWORK arguments=$2,$3 input=$(cat)" >>"$(dirname "$0")/$me"
case $1 in
  before) echo "data of $me" ;;
  fail) test -e "$(dirname "$0")/mended" || { echo 'not yet'; exit 3; } ;;
  add) ip route replace "$SUBNET" via "$PUBLIC_IP" ;;
  remove) ip route delete "$SUBNET" ;;
esac
`;

test('extension: commands make the mesh, once for every event', { timeout: 120_000 }, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'weft-extension-'));
  const script = join(directory, 'script');
  try {
    await writeFile(script, SCRIPT);
    await chmod(script, 0o755);
    const backend = {
      Type: 'extension',
      PreStartupCommand: `${script} before`,
      PostStartupCommand: `${script} after $SUBNET`,
      SubnetAddCommand: `${script} add $SUBNET \${PUBLIC_IP};true`,
      SubnetRemoveCommand: `${script} remove`,
    };
    await usingMesh(backend, (mesh) => exercise(mesh, directory, backend));
  } finally {
    await rm(directory, { recursive: true });
  }
});

async function exercise(mesh: Mesh, directory: string, backend: object): Promise<void> {
  const { lab } = mesh;
  const [one, two] = lab.hosts as [Host, Host];
  const [here, there] = [await leaseOf(lab, one.address), await leaseOf(lab, two.address)];
  const told = async (host: Host) =>
    (await readFile(join(directory, host.address), 'utf8').catch(() => '')).trimEnd().split('\n');
  // What the first command says is the peer's data, and what the commands for it read.
  const data = `data of ${two.address}`;
  expect(there.value).toMatchObject({ BackendType: 'extension', BackendData: data });
  const [own, subnet] = [here.subnets[0], there.subnets[0]];
  const expected = [
    'before SUBNET= PUBLIC_IP= NETWORK= arguments=, input=',
    `after SUBNET=${own} PUBLIC_IP=${one.address} NETWORK=${NETWORK} arguments=${own}, input=`,
    `add SUBNET=${subnet} PUBLIC_IP=${two.address} NETWORK= arguments=${subnet},${two.address};true input=${data}`,
  ];
  await eventually(async () => (expect(await told(one)).toEqual(expected), true), {
    within: SOON,
    what: 'each command was run once',
  });
  const [from, to] = [mesh.workloads[0]!, mesh.workloads[1]!];
  await eventually(async () => (await ping(from, addressOf(to, 4), { count: 3 })).lost === 0, {
    within: SOON,
    what: 'the workloads reach each other',
  });

  // A restart runs the first command only, for the lease; a renewal of a peer's lease runs nothing.
  const running = await startPing(from, addressOf(to, 4));
  await mesh.daemons[0]!.kill('SIGKILL');
  mesh.daemons[0] = await one.startWeftd().waitReady();
  await putLease(lab, there.key, there.value);
  expect(await running.stop()).toMatchObject({ lost: 0 });
  expect(await told(one)).toEqual([...expected, expected[0]]);
  const plan = await one.weft('plan');
  expect(plan.stdout).toContain(`command for ${there.subnets[0]}: `);
  expect(plan.stdout).toContain('none: the kernel is as desired');

  await failureIsTold(mesh, directory, backend);

  // Another backend: what was run is undone.
  await lab.configureNetwork({ Network: NETWORK, Backend: { Type: 'host-gw' } });
  await eventually(async () => (await told(one)).some((line) => line.startsWith('remove ')), {
    within: 30_000,
    what: 'the commands are undone',
  });
  const routes = async () => (await entriesOf(one)).routes;
  await eventually(
    async () => (expect(await routes()).toEqual([`${subnet} via ${two.address} dev eth0`]), true),
    { within: 30_000, what: 'host-gw has taken over' },
  );
  expect((await leasesIn(lab)).map(({ value }) => value.BackendType)).toEqual([
    'host-gw',
    'host-gw',
  ]);
}

async function failureIsTold({ lab }: Mesh, directory: string, backend: object): Promise<void> {
  const one = lab.host(1);
  const status = async () => (await one.weft('status')).stdout;
  await lab.configureNetwork({
    Network: NETWORK,
    Backend: { ...backend, PostStartupCommand: `${directory}/script fail` },
  });
  await eventually(async () => /exited with 3: not yet/.test(await status()), {
    within: SOON,
    what: 'the failure stands in the status',
  });
  await writeFile(join(directory, 'mended'), '');
  await eventually(async () => (await status()).includes('nothing is wrong'), {
    within: 60_000,
    what: 'it was tried again',
  });
}
