/** DNS on a real host: each row of what Docker's embedded server answers, asked with dig, and what is meant to be better. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../lab/eventually.ts';
import type { Host } from '../lab/host.ts';
import { startMesh, type Mesh } from '../lab/mesh.ts';
import { dig, endpointOf, NamesSpeaker, v4, type Dug } from '../lab/names.ts';
import type { Namespace } from '../lab/namespace.ts';
import { readSubnetEnv } from '../lab/subnet-env.ts';

const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
/** A name reaches every host within this, in ms: a bound of the test, not a measure. */
const SOON = 10_000;

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
    // Nobody answers there: what leaves this host shows by its failing.
    flagsOf: ({ address }) => [`--dns-bind=${address}`, '--dns-upstream=127.0.0.1:9'],
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

describe('names', () => {
  test.each([
    ['a name', 'web', ['10.5.200.1']],
    ['a name in capitals', 'WEB', ['10.5.200.1']],
    ['an alias', 'www', ['10.5.200.1']],
    ['an id', '0000000000000001', ['10.5.200.1']],
    ['NAME.NETWORK', 'web.default', ['10.5.200.1']],
    ['NAME.NETWORK.weft', 'web.default.weft', ['10.5.200.1']],
    ['a task', 'svc.1.x9', ['10.5.200.3']],
    ['a task in its network', 'svc.1.x9.default', ['10.5.200.3']],
    ['a static record', 'printer.default.weft', ['192.0.2.7']],
    ['localhost', 'localhost', ['127.0.0.1']],
  ])('%s resolves', async (_what, name, data) => {
    const answer = await ask(name);
    expect([answer.status, answer.data]).toEqual(['NOERROR', data]);
  });
});
