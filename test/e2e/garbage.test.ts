/** Whatever stands under the prefix in etcd: nobody else is disturbed, each is told once, counted, and shown. */
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { kernelState } from '../lab/kernel-state.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import { startPing } from '../lab/probes.ts';

const SUBNETS = '/coreos.com/network/subnets/';
/** From the put in etcd to the last host's word of it, in ms. */
const SOON = 5000;

const VTEP = { VNI: 1, VtepMAC: '02:00:00:00:00:77' };
const GOOD = { PublicIP: '192.168.77.99', BackendType: 'vxlan', BackendData: VTEP };
const value = (change: object) => JSON.stringify({ ...GOOD, ...change });

interface Garbage {
  readonly key: string;
  readonly value: string;
  /** Why, as `weft leases` or `weft status` says it. */
  readonly reason: RegExp;
  /** The label of weft_refused_total that rises; none where the key and its value are well formed. */
  readonly counted?: 'key' | 'value' | 'overlap';
}

/** Filled in once the real hosts' subnets are known. */
const REAL_SUBNET = 'HOST2';
const REAL_ADDRESS = 'ADDRESS2';

const NEVER_IN_FORCE: Readonly<Record<string, Garbage>> = {
  'a bad key': { key: 'nonsense', value: value({}), reason: /names no subnet/, counted: 'key' },
  'an empty key': { key: '', value: value({}), reason: /names no subnet/, counted: 'key' },
  'a key with no such length': {
    key: '10.5.42.0-99',
    value: value({}),
    reason: /is not an IPv4 subnet/,
    counted: 'key',
  },
  'a key of 300 bytes': {
    key: `${'x'.repeat(300)}10.5.43.0-24`,
    value: value({}),
    reason: /longer than/,
    counted: 'key',
  },
  'bad JSON': { key: '10.5.1.0-24', value: '{"PublicIP', reason: /value is/, counted: 'value' },
  'an empty value': { key: '10.5.2.0-24', value: '', reason: /value is/, counted: 'value' },
  'a list': { key: '10.5.3.0-24', value: '[]', reason: /value is/, counted: 'value' },
  'wrong types': {
    key: '10.5.4.0-24',
    value: value({ BackendType: 7 }),
    reason: /BackendType is not a string/,
    counted: 'value',
  },
  'a null PublicIP': {
    key: '10.5.5.0-24',
    value: value({ PublicIP: null }),
    reason: /PublicIP is not a dotted quad/,
    counted: 'value',
  },
  'a value of 1 MiB': {
    key: '10.5.6.0-24',
    value: value({ BackendData: 'x'.repeat(2 ** 20) }),
    reason: /longer than 64 KiB/,
    counted: 'value',
  },
  'deep JSON': {
    key: '10.5.7.0-24',
    value: value({ BackendData: 'DEEP' }).replace(
      '"DEEP"',
      '[{"a":'.repeat(5000) + '1' + '}]'.repeat(5000),
    ),
    reason: /too deeply nested/,
    counted: 'value',
  },
  'a subnet that overlaps a host’s, of another length': {
    key: `${REAL_SUBNET}-20`,
    value: value({}),
    reason: /overlaps .*, which is older/,
    counted: 'overlap',
  },
  'a v6 subnet alone in a v4 network': {
    key: '0.0.0.0-0&fd00:5:0:9::-64',
    value: value({}),
    reason: /address family is turned off/,
  },
  'another backend type': {
    key: '10.5.8.0-24',
    value: value({ BackendType: 'wireguard' }),
    reason: /publishes backend wireguard, and this host runs vxlan/,
  },
  'no VtepMAC': {
    key: '10.5.9.0-24',
    value: value({ BackendData: { VNI: 1 } }),
    reason: /publishes no usable VTEP/,
  },
  'a multicast VtepMAC': {
    key: '10.5.10.0-24',
    value: value({ BackendData: { VNI: 1, VtepMAC: '01:00:5e:00:00:01' } }),
    reason: /publishes no usable VTEP/,
  },
  'a VtepMAC that is none': {
    key: '10.5.11.0-24',
    value: value({ BackendData: { VNI: 1, VtepMAC: [1, 2] } }),
    reason: /publishes no usable VTEP/,
  },
};

/** Odd, and yet usable: flanneld uses them too, and so do we, beside what is there. */
const IN_FORCE: Readonly<Record<string, Garbage>> = {
  'a subnet outside the network': {
    key: '10.99.9.0-24',
    value: value({}),
    reason: /lies outside the network/,
  },
  'a key with something before it': { key: 'x10.5.40.0-24', value: value({}), reason: /in force/ },
  'a dual-stack key in a v4 network': {
    key: '10.5.41.0-24&fd00:5:0:9::-64',
    value: value({}),
    reason: /in force/,
  },
  'the PublicIP of another host': {
    key: '10.5.12.0-24',
    value: value({ PublicIP: REAL_ADDRESS }),
    reason: /in force/,
  },
};

let mesh: Mesh;
let subnet: string;

beforeAll(async () => {
  mesh = await startMesh({
    nodes: 3,
    network: { Network: '10.5.0.0/16', SubnetMin: '10.5.64.0', Backend: { Type: 'vxlan' } },
  });
  const { stdout } = await mesh.lab.host(2).weft('status', '--json');
  subnet = (JSON.parse(stdout) as { lease: { subnets: string[] } }).lease.subnets[0]!;
});
afterAll(() => mesh?.close());

function realised({ key, value: text, ...rest }: Garbage): Garbage {
  const base = subnet.split('/')[0]!;
  return {
    ...rest,
    key: key.replace(REAL_SUBNET, base),
    value: text.replace(REAL_ADDRESS, mesh.lab.host(2).address),
  };
}

async function refusedOn(host: Host, label: string): Promise<number> {
  const page = await host.httpGet('/metrics');
  const line = new RegExp(`^weft_refused_total\\{reason="${label}"\\} (\\d+)$`, 'm').exec(page);
  return Number(line?.[1] ?? 0);
}

/** All that the commands say of each key. */
async function saidOn(host: Host, garbage: readonly Garbage[]): Promise<string[]> {
  const leases = await host.weft('leases', '--json');
  const status = await host.weft('status', '--json');
  const rows = JSON.parse(leases.stdout) as { key: string; inForce: boolean }[];
  const { problems } = JSON.parse(status.stdout) as { problems: { subject?: string }[] };
  return garbage.map(({ key }) => {
    const row = rows.find((each) => each.key === key);
    if (row === undefined) return 'unknown';
    const about = problems.filter(({ subject }) => subject === key);
    return `${row.inForce ? 'in force ' : ''}${JSON.stringify(row)} ${JSON.stringify(about)}`;
  });
}

/** How many warnings each host's log has on each key. */
function warnings(garbage: readonly Garbage[]): number[][] {
  return mesh.daemons.map((daemon) => {
    const lines = daemon.logLines().filter((line) => line.includes('"level":"warn"'));
    return garbage.map(
      ({ key }) => lines.filter((line) => line.includes(`:${JSON.stringify(key)}`)).length,
    );
  });
}

/** From a file: some values are longer than a command line may be. */
async function put({ key, value: text }: Garbage): Promise<void> {
  const { etcdPlace, etcdEndpoint, directory } = mesh.lab;
  if (text === '') return void (await mesh.lab.etcdctl('put', '--', SUBNETS + key, ''));
  const file = `${directory}/value`;
  await writeFile(file, text);
  const command = 'ETCDCTL_API=3 etcdctl --endpoints="$1" put -- "$2" < "$3"';
  await etcdPlace.output('sh', ['-c', command, 'put', etcdEndpoint, SUBNETS + key, file]);
}

const states = () => Promise.all(mesh.lab.hosts.map(kernelState));

async function disturbNobody(work: () => Promise<void>): Promise<void> {
  const [first, second] = mesh.workloads;
  const ping = await startPing(first!, addressOf(second!, 4), { intervalMs: 5 });
  await work();
  expect((await ping.stop()).lost).toBe(0);
}

/** Puts everything, and waits until all hosts say of each what they should. */
async function putAndAwaitWord(garbage: readonly Garbage[]): Promise<void> {
  for (const each of garbage) await put(each);
  for (const host of mesh.lab.hosts) {
    const check = async () => {
      const said = await saidOn(host, garbage);
      const silent = garbage.flatMap(({ key, reason }, i) =>
        reason.test(said[i] ?? '') ? [] : [`${key}: ${said[i]}`],
      );
      expect(silent).toEqual([]);
      return true;
    };
    await eventually(check, { within: SOON, what: `${host.name} says what is wrong` });
  }
}

async function removeAndAwaitWord(garbage: readonly Garbage[]): Promise<void> {
  for (const { key } of garbage) await mesh.lab.etcdctl('del', '--', SUBNETS + key);
  for (const host of mesh.lab.hosts) {
    const gone = async () => (await saidOn(host, garbage)).every((said) => said === 'unknown');
    await eventually(gone, { within: SOON, what: `${host.name} has forgotten it` });
  }
}

async function eventuallyAs(before: unknown): Promise<void> {
  const check = async () => expect(await states()).toEqual(before);
  await eventually(() => check().then(() => true), { within: SOON, what: 'all is as before' });
}

test('garbage of every kind is refused, told once, counted, shown, and can go again', async () => {
  const garbage = Object.values(NEVER_IN_FORCE).map(realised);
  const kinds = ['key', 'value', 'overlap'] as const;
  const expected = kinds.map((kind) => garbage.filter(({ counted }) => counted === kind).length);
  const before = await states();
  await disturbNobody(async () => {
    await putAndAwaitWord(garbage);
    expect(await states()).toEqual(before);
    const counters = (host: Host) => Promise.all(kinds.map((kind) => refusedOn(host, kind)));
    for (const host of mesh.lab.hosts) expect(await counters(host)).toEqual(expected);
    // The same again is counted, and no news.
    for (const each of garbage) await put(each);
    const twice = expected.map((count) => 2 * count);
    for (const host of mesh.lab.hosts) {
      const risen = async () => expect(await counters(host)).toEqual(twice);
      await eventually(() => risen().then(() => true), { within: SOON, what: 'it is counted' });
    }
    expect(warnings(garbage)).toEqual(mesh.daemons.map(() => garbage.map(() => 1)));
    await removeAndAwaitWord(garbage);
  });
  await eventuallyAs(before);
  for (const daemon of mesh.daemons) expect(daemon.result).toBeUndefined();
});

test('what is odd and yet a lease is used, beside what is there', async () => {
  const garbage = Object.values(IN_FORCE).map(realised);
  const before = await states();
  await disturbNobody(async () => {
    await putAndAwaitWord(garbage);
    await removeAndAwaitWord(garbage);
  });
  await eventuallyAs(before);
  for (const counts of warnings(garbage)) for (const count of counts) expect(count).toBeLessThan(2);
});

test("a host's own lease overwritten with garbage is put right, and the others keep what they had", async () => {
  const before = await states();
  const key = subnet.replace('/', '-');
  await disturbNobody(async () => {
    await put({ key, value: 'garbage', reason: /./ });
    const text = () => mesh.lab.etcdctl('get', '--print-value-only', SUBNETS + key);
    await eventually(async () => (await text()).startsWith('{"PublicIP"'), {
      within: SOON,
      what: 'the lease is whole again',
    });
  });
  expect(await states()).toEqual(before);
});
