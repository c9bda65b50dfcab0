/** DNS on a real host: each row of what Docker's embedded server answers, asked with dig, and what is meant to be better. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Endpoint } from '../../controlplane/names/index.ts';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { startMesh, type Mesh } from '../lab/mesh.ts';
import { dig, endpointOf, NamesSpeaker, v4, type Dug } from '../lab/names.ts';
import type { Namespace } from '../lab/namespace.ts';
import { readSubnetEnv } from '../lab/subnet-env.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
/** A name reaches every host within this, in ms: a bound of the test, not a measure. */
const SOON = 10_000;

/** Nobody answers at the server: what leaves a host shows by its failing. */
const FLAGS = ({ address }: Host) => [`--dns-bind=${address}`, '--dns-upstream=127.0.0.1:9'];

let mesh: Mesh;
let host: Host;
let work: Namespace;
let gateway: string;
let speaker: NamesSpeaker;

const V6 = Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 7);
const WEB = endpointOf(1, 'default', ['web', 'www'], [v4('10.5.200.1')], {
  ports: [
    { name: 'http', protocol: 'tcp', port: 80 },
    { name: 'metrics', protocol: 'tcp', port: 9100 },
  ],
});
const DUAL = endpointOf(2, 'default', ['dual'], [v4('10.5.200.2'), V6]);
const TASK = endpointOf(3, 'default', ['svc.1.x9', 'svc'], [v4('10.5.200.3')]);
const OTHER_TASK = endpointOf(4, 'default', ['svc.2.y8', 'svc'], [v4('10.5.200.4')]);
const HIDDEN = endpointOf(5, 'back', ['db'], [v4('10.6.0.5')]);
const MANY = Array.from({ length: 40 }, (_, i) =>
  endpointOf(100 + i, 'default', ['many'], [v4(`10.5.201.${i + 1}`)]),
);

function ask(args: string, place: Namespace = work): Promise<Dug> {
  return dig(place, gateway, args);
}

beforeAll(async () => {
  mesh = await startMesh({
    nodes: 2,
    network: NETWORK,
    flagsOf: FLAGS,
  });
  [host] = mesh.lab.hosts as [Host];
  [work] = mesh.workloads as [Namespace];
  const { gateways } = await readSubnetEnv(host.subnetFile);
  gateway = gateways[4]?.address ?? '';
  speaker = await new NamesSpeaker(host, 'speaker').ready();
  for (const endpoint of [WEB, DUAL, TASK, OTHER_TASK, HIDDEN, ...MANY]) speaker.put(endpoint);
  speaker.putName({ name: 'printer', network: 'default', address: v4('192.0.2.7'), ttl: 30 });
  await eventually(
    async () => {
      expect((await ask('many +tcp')).data).toHaveLength(40);
      expect((await ask('printer')).data).toEqual(['192.0.2.7']);
      return true;
    },
    { within: SOON, what: 'the names are known' },
  );
});
afterAll(() => mesh?.close());

describe('which names there are (specification 1.2)', () => {
  test.each([
    ['a name', 'web', ['10.5.200.1']],
    ['a name in capitals', 'WEB', ['10.5.200.1']],
    ['an alias', 'www', ['10.5.200.1']],
    ['an id', '0000000000000001', ['10.5.200.1']],
    ['NAME.NETWORK', 'web.default', ['10.5.200.1']],
    ['NAME.NETWORK.weft', 'web.default.weft', ['10.5.200.1']],
    ['NAME.weft', 'web.weft', ['10.5.200.1']],
    ['a task', 'svc.1.x9', ['10.5.200.3']],
    ['a task in its network', 'svc.1.x9.default', ['10.5.200.3']],
    ['a static record', 'printer.default.weft', ['192.0.2.7']],
    ['localhost', 'localhost', ['127.0.0.1']],
  ])('%s resolves', async (_what, name, data) => {
    const answer = await ask(name);
    expect([answer.status, answer.data]).toEqual(['NOERROR', data]);
  });

  test('a name that several have is all of them', async () => {
    expect([...(await ask('svc')).data].sort()).toEqual(['10.5.200.3', '10.5.200.4']);
  });

  test('hosts are HOST.host.weft, on every host', async () => {
    for (const [i, asking] of mesh.workloads.entries()) {
      const { gateways } = await readSubnetEnv((mesh.lab.hosts[i] as Host).subnetFile);
      for (const other of mesh.lab.hosts) {
        const { data } = await dig(asking, gateways[4]?.address ?? '', `${other.name}.host.weft`);
        expect(data).toEqual([other.address]);
      }
    }
  });

  test('the reverse of an address is NAME.NETWORK, and of a host HOST.host', async () => {
    expect((await ask('-x 10.5.200.1')).data).toEqual(['web.default.']);
    expect((await ask('-x fd00::7')).data).toEqual(['dual.default.']);
    // The speaker has the address, too.
    expect((await ask(`-x ${host.address}`)).data).toContain('h1.host.');
  });

  test.each([
    ['a network that the asker is not in', 'db.back'],
    ['the same in our domain', 'db.back.weft'],
    ['a name of such a network', 'db'],
    ['an address of such a network', '-x 10.6.0.5'],
    ['a gateway', '-x 10.5.0.1'],
    ['a name that nobody has', 'nobody'],
    ['the same in our domain', 'nobody.default.weft'],
  ])('there is nothing for %s, and nobody else is asked', async (_what, name) => {
    expect((await ask(name)).status).toBe('NXDOMAIN');
  });

  test('the host itself sees all networks at an address of its own, and nobody else may ask there', async () => {
    expect((await dig(host, host.address, 'db.back.weft')).data).toEqual(['10.6.0.5']);
    expect((await dig(work, host.address, 'web')).status).toBe('REFUSED');
  });

  test('at the gateway only workloads of this host may ask', async () => {
    const [, other] = mesh.workloads as [Namespace, Namespace];
    expect((await dig(other, gateway, 'web')).status).toBe('REFUSED');
  });
});

describe('what is answered (specification 1.3)', () => {
  test('flags, TTL, and the question as it was asked', async () => {
    const answer = await ask('WeB.default.weft');
    expect(answer.flags).toBe('qr aa rd ra');
    expect(answer.answers).toEqual([expect.stringMatching(/^WeB\.default\.weft\.\s+1\s+IN\s+A\s/)]);
    expect((await ask('printer')).answers[0]).toMatch(/\s30\s+IN/);
  });

  test('several records come in another order each time', async () => {
    const heads = new Set<string | undefined>();
    for (let i = 0; i < 10; i++) heads.add((await ask('many +tcp')).data[0]);
    expect(heads.size).toBeGreaterThan(2);
  });

  test('what does not fit in 512 bytes is cut, and comes by TCP; with EDNS it fits', async () => {
    const cut = await ask('many +noedns +ignore');
    expect(cut.flags).toBe('qr aa tc rd ra');
    expect(cut.data.length).toBeGreaterThan(20);
    expect(cut.text).toMatch(/MSG SIZE\s+rcvd: (4[89]\d|50\d|51[0-2])/);
    const whole = await ask('many +noedns');
    expect([whole.transport, whole.data.length]).toEqual(['TCP', 40]);
    const edns = await ask('many +bufsize=1232');
    expect([edns.transport, edns.data.length]).toEqual(['UDP', 40]);
    expect(edns.text).toContain('EDNS: version: 0');
  });

  test('AAAA is the v6 address, and empty where there is none', async () => {
    expect((await ask('dual AAAA')).data).toEqual(['fd00::7']);
    const none = await ask('web AAAA');
    expect([none.status, none.data]).toEqual(['NOERROR', []]);
  });

  test.each(['MX', 'TXT', 'NS', 'CNAME', 'HTTPS', 'SOA', 'CAA', 'PTR', 'SRV'])(
    '%s of a name of ours is empty, with what lets it be kept, and nobody else is asked',
    async (type) => {
      const answer = await ask(`web.default.weft ${type}`);
      expect([answer.status, answer.data]).toEqual(['NOERROR', []]);
      expect(answer.authority).toEqual([expect.stringMatching(/^weft\.\s.*SOA/)]);
      expect((await ask(`web ${type}`)).status).toBe('NOERROR');
    },
  );

  test('ANY is minimal', async () => {
    expect((await ask('web ANY +notcp')).data).toEqual(['"RFC8482" ""']);
    expect((await ask('example.com ANY +notcp')).data).toEqual(['"RFC8482" ""']);
  });

  test('SRV of a named port gives port and target, and the address beside', async () => {
    const answer = await ask('_http._tcp.web SRV');
    expect(answer.data).toEqual(['0 1 80 web.default.weft.']);
    expect(answer.text).toMatch(
      /ADDITIONAL SECTION:\nweft|web\.default\.weft\.\s+1\s+IN\s+A\s+10\.5\.200\.1/,
    );
    expect((await ask('_metrics._tcp.web.default.weft SRV')).data).toEqual([
      '0 1 9100 web.default.weft.',
    ]);
    expect((await ask('_ssh._tcp.web SRV')).status).toBe('NXDOMAIN');
  });

  test('names of others: SERVFAIL when no server answers; never asked: special names', async () => {
    expect((await ask('example.com')).status).toBe('SERVFAIL');
    for (const name of ['a.invalid', 'b.test', 'printer.local', 'x.onion', 'com', '-x 192.168.7.7'])
      expect((await ask(name)).status).toBe('NXDOMAIN');
  });

  test('other classes, and zone transfers, are refused', async () => {
    expect((await ask('version.bind TXT CH')).status).toBe('REFUSED');
    expect((await ask('weft AXFR')).text).toMatch(/Transfer failed|REFUSED/);
  });
});

describe('resolvers of libc', () => {
  test('getent and busybox find names by the search domain', async () => {
    const conf = join(host.directory, 'resolv.conf');
    await writeFile(conf, `nameserver ${gateway}\nsearch default.weft\noptions ndots:1\n`);
    const inside = (command: string) => {
      const script = `mount --bind ${conf} /etc/resolv.conf && ${command}`;
      return work.output('unshare', ['--mount', 'sh', '-c', script]);
    };
    expect(await inside('getent ahostsv4 web')).toMatch(/^10\.5\.200\.1\s/);
    expect(await inside('getent hosts dual')).toMatch(/^fd00::7\s/);
    expect(await inside('getent hosts 10.5.200.1')).toMatch(/\sweb\.default$/m);
    expect(await inside('busybox nslookup web.default.weft')).toMatch(/Address.*10\.5\.200\.1/);
    expect(await inside('busybox ping -c1 -W1 h2.host.weft | head -1')).toContain(
      (mesh.lab.hosts[1] as Host).address,
    );
  });
});

describe('what is no question, or too much', () => {
  /** `status` and what dig says, for options that make odd questions. */
  test.each([
    ['EDNS of version 1', '+edns=1 +noednsneg', 'BADVERS'],
    ['an unknown opcode', '+opcode=notify', 'NOTIMP'],
    ['EDNS with an option that nobody knows', '+ednsopt=65001:00ff', 'NOERROR'],
    ['a cookie', '+cookie=0011223344556677', 'NOERROR'],
    ['EDNS that offers 65,535 bytes', '+bufsize=65535', 'NOERROR'],
    ['EDNS that offers none', '+bufsize=1', 'NOERROR'],
    ['a question for signatures', '+dnssec +cdflag', 'NOERROR'],
  ])('%s', async (_what, options, status) => {
    expect((await ask(`web ${options}`)).status).toBe(status);
  });

  test('whatever comes by UDP and TCP, the next question is answered', async () => {
    const program = fileURLToPath(new URL('programs/dns-abuse.ts', import.meta.url));
    const { code, stdout, stderr } = await work.exec(
      process.execPath,
      ['--import', 'tsx', program, gateway],
      { timeoutMs: 60_000 },
    );
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual({
      junk: 'answers go on',
      pipelined: 200,
      oversize: 'closed',
      crowd: 32,
      slow: 'closed',
      idle: 'closed',
    });
    expect((await ask('web')).data).toEqual(['10.5.200.1']);
    expect(mesh.daemons[0]?.result).toBeUndefined();
  });
});

describe('the command', () => {
  test('adds a static record that every host answers, shows it, keeps it over a restart, and removes it', async () => {
    const other = mesh.lab.hosts[1] as Host;
    const said = await host.weft('dns', 'add', 'outside.default', '192.0.2.99', '--ttl', '77');
    expect([said.code, said.stdout]).toEqual([0, 'outside.default is 192.0.2.99, for 77 s\n']);
    const known = () => other.weft('dns', 'ls', 'outside', '--json');
    await eventually(async () => (await known()).code === 0, { within: SOON, what: 'h2 knows it' });
    expect(JSON.parse((await known()).stdout)).toEqual([
      {
        name: 'outside',
        network: 'default',
        address: '192.0.2.99',
        kind: 'static',
        host: 'h1',
        mine: false,
        ttl: 77,
        ports: [],
      },
    ]);
    const found = await other.weft('dns', 'lookup', 'outside.default.weft');
    expect(found.stdout).toBe('outside.default.weft  77  A  192.0.2.99\n');
    expect((await ask('outside')).answers[0]).toMatch(/\s77\s+IN\s+A\s+192\.0\.2\.99$/);
    await mesh.daemons[0]?.stop();
    mesh.daemons[0] = await host.startWeftd(FLAGS(host)).waitReady();
    await eventually(async () => (await ask('outside')).data[0] === '192.0.2.99', {
      within: SOON,
      what: 'the record is there after a restart',
    });
    expect((await host.weft('dns', 'rm', 'outside')).stdout).toBe('1 record removed\n');
    const gone = await host.weft('dns', 'rm', 'outside');
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/no static record outside/),
    ]);
    await eventually(async () => (await other.weft('dns', 'lookup', 'outside')).code === 1, {
      within: SOON,
      what: 'h2 knows it no more',
    });
  });

  test('looks names up as who sees all networks, or one', async () => {
    const look = async (...words: string[]) => {
      const { code, stdout, stderr } = await host.weft('dns', 'lookup', ...words);
      return code === 0 ? stdout.trim() : stderr.trim();
    };
    expect(await look('10.5.200.1')).toMatch(/PTR {2}web\.default$/);
    expect(await look('_http._tcp.web', 'srv')).toMatch(/SRV {2}0 1 80 web\.default\.weft$/);
    expect(await look('db.back')).toMatch(/A {2}10\.6\.0\.5$/);
    expect(await look('db.back', '--network', 'default')).toMatch(/there is no such name/);
    expect(await look('web', 'nonsense')).toMatch(/there is no type nonsense: give A/);
    expect((await host.weft('dns', 'add', 'a_b', '192.0.2.1')).code).toBe(2);
  });
});

describe('changes', () => {
  test('a record that goes is gone, and one of a host that is killed, too', async () => {
    const other = await new NamesSpeaker(host, 'other', 7951).ready();
    const [gone, lost] = [30, 31].map((id) =>
      endpointOf(id, 'default', [`brief${id}`], [v4(`10.5.202.${id}`)]),
    ) as [Endpoint, Endpoint];
    other.put(gone);
    other.put(lost);
    const becomes = (name: string, status: string, within = SOON) =>
      eventually(async () => (await ask(name)).status === status, {
        within,
        what: `${name} is ${status}`,
      });
    await becomes('brief30', 'NOERROR');
    await becomes('brief31', 'NOERROR');
    other.remove(gone);
    await becomes('brief30', 'NXDOMAIN');
    expect((await ask('brief31')).data).toEqual(['10.5.202.31']);
    await other.kill();
    await becomes('brief31', 'NXDOMAIN', 40_000);
  });

  test('after a restart of weftd all names are there again', async () => {
    await mesh.daemons[0]?.stop();
    mesh.daemons[0] = await host.startWeftd(FLAGS(host)).waitReady();
    await eventually(async () => (await ask('web')).data[0] === '10.5.200.1', {
      within: SOON,
      what: 'the restarted daemon answers',
    });
  });
});
