/** Hosts come, go, and come back as others; leases are taken, deleted and given away. */
import { readFile, rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Address } from '../../agent/ip/address.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { createLab, type Lab } from '../lab/lab.ts';
import { addressOf, startMesh, type Mesh } from '../lab/mesh.ts';
import {
  deleteLease,
  entriesOf,
  leaseOf,
  leasesIn,
  putLease,
  tunnelsTo,
  untilProgrammed,
  type LeaseEntry,
} from '../lab/overlay.ts';
import { ping, startPing } from '../lab/probes.ts';
import { monitor } from '../lab/watching.ts';
import type { Weftd } from '../lab/weftd.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };

/** How soon others follow a change in etcd, in ms. */
const AT_ONCE = 1_000;
/** For what has no such promise. */
const SOON = 20_000;

async function subnetEnv(host: Host): Promise<string> {
  return readFile(host.subnetFile, 'utf8');
}

/** The first lease that fits, past or to come; polled without a pause, as what is measured starts with it. */
function untilLease(
  lab: Lab,
  what: string,
  fits: (lease: LeaseEntry) => boolean,
): Promise<LeaseEntry> {
  const check = async () => (await leasesIn(lab)).find(fits);
  return eventually(check, { within: SOON, what, every: 1 });
}

/** The host publishes the address, and gossips at it. */
function isAt(address: Address) {
  return ({ value }: LeaseEntry) =>
    value.PublicIP === address && value.Weft?.Gossip === `${address}:7946`;
}

async function problemsOf(host: Host): Promise<{ code: string; message: string }[]> {
  const { stdout } = await host.weft('status', '--json');
  return (JSON.parse(stdout) as { problems: { code: string; message: string }[] }).problems;
}

async function macOf(host: Host): Promise<string> {
  const [link] = await host.ipJson<{ address: string }>('link show flannel.1');
  return link?.address ?? '';
}

describe('a host among three', () => {
  let mesh: Mesh;
  let lab: Lab;
  let third: Host;
  beforeAll(async () => {
    mesh = await startMesh({ nodes: 3, network: NETWORK });
    lab = mesh.lab;
    third = lab.host(3);
    await untilProgrammed(lab, { within: SOON });
  });
  afterAll(() => mesh?.close());

  const thirds = (): Weftd => mesh.daemons[2]!;
  async function startThird(): Promise<void> {
    mesh.daemons[2] = third.startWeftd();
  }
  async function expectTalk(): Promise<void> {
    const [first, , last] = mesh.workloads;
    const result = await ping(first!, addressOf(last!, 4), { count: 3 });
    expect(result).toMatchObject({ lost: 0 });
  }

  const GOODBYES: Record<string, (lease: LeaseEntry) => Promise<unknown>> = {
    'its key is deleted': ({ key }) => deleteLease(lab, key),
    'its etcd lease is revoked': ({ leaseId }) =>
      lab.etcdctl('lease', 'revoke', BigInt(leaseId).toString(16)),
  };
  test.each(Object.keys(GOODBYES))('leaves for good: %s, and joins again', async (goodbye) => {
    const before = await leaseOf(lab, third.address);
    const rest = [lab.host(1), lab.host(2)];
    await thirds().stop();
    await untilProgrammed(lab, { within: AT_ONCE });
    await GOODBYES[goodbye]?.(before);
    await untilProgrammed(lab, { within: AT_ONCE, hosts: rest });
    await startThird();
    const after = await untilLease(lab, 'h3 has a lease', ({ key }) => key === before.key);
    await untilProgrammed(lab, { within: AT_ONCE });
    expect(after.text).toBe(before.text);
    await expectTalk();
  });

  test('returns with another public address and keeps its subnet; so it does when it changes while it runs', async () => {
    const before = await leaseOf(lab, third.address);
    const [old, other] = [third.address, third.address.replace(/\d+$/, '33') as Address];
    await thirds().stop();
    await readdress(third, old, other);
    await startThird();
    const moved = await untilLease(lab, 'h3 moved', isAt(other));
    await untilProgrammed(lab, { within: AT_ONCE });
    const Weft = { ...before.value.Weft, Gossip: `${other}:7946` };
    const value = { ...before.value, PublicIP: other, Weft };
    expect(moved).toMatchObject({ key: before.key, value });
    await thirds().waitReady();
    await expectTalk();
    await readdress(third, other, old);
    const back = await untilLease(lab, 'h3 is back', isAt(old));
    await untilProgrammed(lab, { within: AT_ONCE });
    expect(back.text).toBe(before.text);
    await expectTalk();
  });

  test('returns with another MAC', async () => {
    const before = await leaseOf(lab, third.address);
    await thirds().stop();
    const mac = '02:00:00:00:00:77';
    await third.ip(`link set flannel.1 address ${mac}`);
    await startThird();
    await untilLease(lab, 'h3 has the MAC', ({ value }) => value.BackendData?.VtepMAC === mac);
    await untilProgrammed(lab, { within: AT_ONCE });
    expect((await leaseOf(lab, third.address)).key).toBe(before.key);
    await thirds().waitReady();
    await expectTalk();
  });

  test('leaves its kernel state, key and subnet.env when it is stopped, and packets go on', async () => {
    const [first, , last] = mesh.workloads;
    const snapshot = async () => ({
      entries: await entriesOf(third),
      link: await third.ip('-d link show flannel.1'),
      address: await third.ip('address show flannel.1'),
      rules: await third.output('nft', ['-s', 'list', 'ruleset']),
      env: await subnetEnv(third),
      lease: (await leaseOf(lab, third.address)).text,
    });
    await thirds().waitReady();
    const before = await snapshot();
    const pings = await startPing(first!, addressOf(last!, 4));
    expect(await thirds().stop()).toEqual({ code: 0, signal: null });
    expect(await snapshot()).toEqual(before);
    await startThird();
    await thirds().waitReady();
    expect(await pings.stop()).toMatchObject({ lost: 0 });
    expect(await snapshot()).toEqual(before);
  });

  test('takes its subnet back when an operator deletes its key, and no packet is lost', async () => {
    const [first, second, last] = mesh.workloads;
    const before = await leaseOf(lab, third.address);
    const pings = await Promise.all([
      startPing(first!, addressOf(last!, 4)),
      startPing(last!, addressOf(second!, 4)),
    ]);
    await deleteLease(lab, before.key);
    const after = await untilLease(lab, 'the key is back', ({ key }) => key === before.key);
    expect(after.text).toBe(before.text);
    await untilProgrammed(lab, { within: AT_ONCE });
    const results = await Promise.all(pings.map((each) => each.stop()));
    expect(results.map(({ lost }) => lost)).toEqual([0, 0]);
    expect(await subnetEnv(third)).toContain(
      `FLANNEL_SUBNET=${before.subnets[0]?.replace('.0/', '.1/')}\n`,
    );
  });
});

/** Moves the underlay link to the other address; the default route goes with the old one. */
async function readdress(host: Host, from: Address, to: Address): Promise<void> {
  await host.ip(`address add ${to}/24 dev ${host.link}`);
  await host.ip(`address del ${from}/24 dev ${host.link}`);
  await host.ip(`address add ${to}/24 dev ${host.link}`).catch(() => undefined);
  await host.ip('route replace default via 192.168.77.254');
}

describe('a lease', () => {
  let lab: Lab;
  let daemons: Weftd[] = [];
  beforeAll(async () => {
    lab = await createLab({ nodes: 2 });
    await lab.startEtcd();
    await lab.configureNetwork(NETWORK);
  });
  afterAll(() => lab?.close());

  const RESERVED = '10.5.42.0-24';
  async function start(...flagsOfSecond: string[]): Promise<void> {
    daemons = [lab.host(1).startWeftd(), lab.host(2).startWeftd(flagsOfSecond)];
    await Promise.all(daemons.map((daemon) => daemon.waitReady()));
  }
  async function startAnew(...flagsOfSecond: string[]): Promise<void> {
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    for (const { key } of await leasesIn(lab)) await deleteLease(lab, key);
    for (const host of lab.hosts) await rm(host.subnetFile, { force: true });
    await start(...flagsOfSecond);
  }

  test('that an operator reserved is taken, and stays reserved after restart and refresh', async () => {
    const host = lab.host(1);
    await putLease(lab, RESERVED, { PublicIP: host.address });
    await startAnewKeeping(RESERVED);
    const isWhole = ({ key, value }: LeaseEntry) =>
      key === RESERVED && value.BackendType === 'vxlan';
    const taken = await untilLease(lab, 'the reservation is taken', isWhole);
    expect(taken).toMatchObject({ leaseId: '0', value: { PublicIP: host.address } });
    await daemons[0]!.stop();
    daemons[0] = await host.startWeftd().waitReady();
    expect(await leaseOf(lab, host.address)).toMatchObject({ key: RESERVED, leaseId: '0' });
    // Ours is put back over it.
    await putLease(lab, RESERVED, { PublicIP: host.address });
    const put = await untilLease(lab, 'the lease is whole again', isWhole);
    expect(put).toMatchObject({ leaseId: '0', text: taken.text });
    const { stdout } = await host.weft('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ lease: { state: 'reserved' } });
    await deleteLease(lab, RESERVED);
  });

  async function startAnewKeeping(key: string): Promise<void> {
    for (const lease of await leasesIn(lab))
      if (lease.key !== key) await deleteLease(lab, lease.key);
    await start();
  }

  test('is never shared by two hosts with one public address, and both say so', async () => {
    const [one, two] = [lab.host(1), lab.host(2)];
    await startAnew('--iface=eth0', `--public-ip=${one.address}`);
    const leases = await leasesIn(lab);
    expect(leases.map(({ value }) => value.PublicIP)).toEqual([one.address, one.address]);
    expect(new Set(leases.map(({ subnets }) => subnets[0])).size).toBe(2);
    for (const host of [one, two])
      await eventually(
        async () => {
          const problems = await problemsOf(host);
          expect(problems.map(({ code }) => code)).toEqual(['ADDRESS_SHARED']);
          expect(problems[0]?.message).toContain(`publishes our address ${one.address}`);
          return true;
        },
        { within: SOON, what: `${host.name} says that its address is shared` },
      );
    const { stdout } = await two.weft('status');
    expect(stdout).toMatch(/^ +! .*publishes our address/m);
  });

  test('that somebody else was given is left to them: another is taken, and it is said', async () => {
    await startAnew();
    const [one, two] = [lab.host(1), lab.host(2)];
    const lost = await leaseOf(lab, two.address);
    const value = {
      PublicIP: '192.168.77.99',
      PublicIPv6: null,
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: '02:00:00:00:00:99' },
    };
    await putLease(lab, lost.key, value);
    const isOurs = (lease: LeaseEntry) => lease.value.PublicIP === two.address;
    const taken = await untilLease(lab, 'another subnet is taken', isOurs);
    expect(taken.key).not.toBe(lost.key);
    const kept = (await leasesIn(lab)).find(({ key }) => key === lost.key);
    expect(kept?.value).toEqual(value);
    await eventually(
      async () => {
        expect(await entriesOf(one)).toEqual(tunnelsTo([kept!, taken]));
        expect(await entriesOf(two)).toEqual(tunnelsTo([kept!, await leaseOf(lab, one.address)]));
        expect(await subnetEnv(two)).toContain(taken.subnets[0]?.replace('.0/', '.1/'));
        return true;
      },
      { within: AT_ONCE, what: 'both hosts have taken it in' },
    );
    const said = await daemons[1]!.waitForLog(/is no longer ours/);
    expect(said).toContain(lost.subnets[0]);
    expect(said).toContain('192.168.77.99');
    await deleteLease(lab, lost.key);
  });

  test('and the MAC in it outlive a reboot; the MAC even when the lease is gone as well', async () => {
    await startAnew();
    const [one, two] = [lab.host(1), lab.host(2)];
    await untilProgrammed(lab, { within: SOON });
    const [lease, mac] = [await leaseOf(lab, two.address), await macOf(two)];
    const changes = await monitor(one);
    await daemons[1]!.stop();
    await loseWhatRebootLoses(two);
    daemons[1] = await two.startWeftd().waitReady();
    expect((await leaseOf(lab, two.address)).text).toBe(lease.text);
    expect(await macOf(two)).toBe(mac);
    await untilProgrammed(lab, { within: SOON });
    expect((await changes.stop()).filter((line) => line.includes('flannel.1'))).toEqual([]);
    await daemons[1].stop();
    await loseWhatRebootLoses(two);
    await deleteLease(lab, lease.key);
    daemons[1] = await two.startWeftd().waitReady();
    expect(await macOf(two)).toBe(mac);
    await untilProgrammed(lab, { within: SOON });
  });
});

/** Links, rules, and what stands below /run. */
async function loseWhatRebootLoses(host: Host): Promise<void> {
  await host.ip('link del flannel.1');
  await host.output('nft', ['flush', 'ruleset']);
  await rm(host.runDir, { recursive: true });
  await rm(host.subnetFile);
}
