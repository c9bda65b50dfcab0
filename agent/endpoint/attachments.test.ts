import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FileError } from '../config/atomic-file.ts';
import { address } from '../ip/address.ts';
import { prefix } from '../ip/prefix.ts';
import { keyOf, type Key, type Resource } from '../state/resource.ts';
import type { NamespaceFile } from '../state/veth.ts';
import { Attachments } from './attachments.ts';
import { formatEndpoint, parseEndpoint, type Endpoint } from './endpoint.ts';
import { EndpointError } from './errors.ts';
import { STEPS, type AttachmentParts, type Step } from './parts.ts';
import type { InsidePlan, NetworkFacts } from './plan.ts';
import { noNetwork, parseAttach, type AttachText } from './request.ts';

const FACTS: NetworkFacts = {
  subnets: { 4: prefix('10.5.1.0/28') },
  gateways: { 4: address('10.5.1.1') },
  ranges: { 4: prefix('10.5.0.0/16') },
  mtu: 1450,
  bridge: 'weft0',
  alias: 'weft bridge',
  ports: [],
  internal: false,
};
const BLUE: NetworkFacts = {
  ...FACTS,
  subnets: { 4: prefix('10.6.0.0/24') },
  gateways: { 4: address('10.6.0.1') },
  ranges: { 4: prefix('10.6.0.0/24') },
  bridge: 'weft-4096',
};
const RED: NetworkFacts = { ...BLUE, bridge: 'weft-4097' };

class PowerCut extends Error {}

/** A host: what of it outlives weftd, and a weftd that ends after a step of its own choosing. */
class Host implements AttachmentParts {
  /** Files, by id. */
  readonly disk = new Map<string, string>();
  /** Keys of what stands in the kernel. */
  readonly standing = new Map<string, readonly Key[]>();
  readonly said = new Map<string, Endpoint>();
  readonly resolvers = new Set<string>();
  /** Names of namespaces that have gone. */
  readonly gone = new Set<string>();
  fatal: Step | undefined;
  attachments = new Attachments(this);

  readonly store = {
    save: (endpoint: Endpoint) => void this.#alive.disk.set(endpoint.id, formatEndpoint(endpoint)),
    remove: (id: string) => void this.#alive.disk.delete(id),
  };
  readonly kernel = {
    set: (slice: string, resources: readonly Resource[]) =>
      void this.#alive.standing.set(slice, resources.map(keyOf)),
    tried: () => Promise.resolve([]),
  };
  /** Whose addresses of networks are. */
  readonly claimed = new Map<string, string>();
  readonly claims: AttachmentParts['claims'] = {
    take: async (network, { id, addresses: [asked] }) => {
      await Promise.resolve();
      const free = Array.from({ length: 200 }, (_, i) => `10.6.0.${i + 2}`);
      const given = asked ?? address(free.find((each) => !this.claimed.has(each)) ?? '');
      if (this.claimed.has(given))
        throw new EndpointError('address', `${given} is taken in ${network}`);
      this.claimed.set(given, id);
      return { 4: given };
    },
    hold: ({ id, addresses }) => void this.claimed.set(addresses[4] ?? '', id),
    release: (_network, id, addresses) => {
      if (this.claimed.get(addresses[4] ?? '') === id) this.claimed.delete(addresses[4] ?? '');
    },
  };
  readonly refusal = async (network: string): Promise<EndpointError | undefined> => {
    await Promise.resolve();
    return ['default', 'blue', 'red'].includes(network) ? undefined : noNetwork(network);
  };
  /** What was last set inside, by namespace and link. */
  readonly inside = new Map<string, InsidePlan>();
  readonly find: AttachmentParts['find'] = async (target) => {
    const path = target.type === 'netns' ? target.path : '';
    await Promise.resolve();
    if (this.gone.has(path)) throw new EndpointError('no-target', `${path} is no more`);
    return { namespace: this.#namespace(path) };
  };
  readonly isThere = ({ path }: NamespaceFile): boolean => !this.gone.has(path);
  readonly enter: AttachmentParts['enter'] = ({ path }) => ({
    freeName: async (name) => {
      await Promise.resolve();
      let number = 0;
      while (this.inside.has(`${path} ${name}${number}`)) number++;
      return `${name}${number}`;
    },
    has: () => Promise.resolve(false),
    configure: async (plan) => {
      await Promise.resolve();
      this.inside.set(`${path} ${plan.link}`, plan);
    },
    [Symbol.dispose]: () => {},
  });
  readonly names = {
    put: (endpoint: Endpoint) => void this.#alive.said.set(endpoint.id, endpoint),
    remove: (id: string) => void this.#alive.said.delete(id),
  };
  readonly resolver: AttachmentParts['resolver'] = {
    placeFor: (_request, { path }) => ({ path: `/etc${path}` }),
    write: ({ id }) => void this.#alive.resolvers.add(id),
    remove: ({ id }) => void this.#alive.resolvers.delete(id),
  };
  readonly answeredInside = (): Promise<void> => Promise.resolve();
  readonly step = (step: Step): void => {
    this.#isDead ||= step === this.fatal;
    if (this.#isDead) throw new PowerCut();
  };
  readonly random = (): number => 0;
  readonly now = (): Date => new Date(0);
  readonly changed = (): void => {};

  #isDead = false;

  /** Whoever is killed changes nothing any more, whatever its code would do next. */
  get #alive(): this {
    if (this.#isDead) throw new PowerCut();
    return this;
  }

  /** Another weftd on the same host: gossip and the desired state begin anew, and the kernel is swept. */
  restart(): void {
    this.fatal = undefined;
    this.#isDead = false;
    this.standing.clear();
    this.said.clear();
    this.attachments = new Attachments(this);
    const files = [...this.disk.values()].flatMap((text) => parseEndpoint(text) ?? []);
    expect(files).toHaveLength(this.disk.size);
    this.attachments.adopt(files, () => true);
    this.attachments.setNetwork('default', FACTS);
    this.attachments.setNetwork('blue', BLUE);
    this.attachments.setNetwork('red', RED);
  }

  #namespace(path: string): NamespaceFile {
    return {
      path,
      inode: Buffer.from(path).reduce((sum, byte) => (sum * 31 + byte) % 1e9, 7),
    };
  }

  /** Nothing is half there, and no address is somebody else's. */
  check(): void {
    const endpoints = [...this.attachments.list()];
    expect(endpoints.map(({ state }) => state)).toEqual(endpoints.map(() => 'attached'));
    const ids = endpoints.map(({ id }) => id).sort();
    expect([...this.disk.keys()].sort()).toEqual(ids);
    expect([...this.said.keys()].sort()).toEqual(ids);
    expect([...this.resolvers].sort()).toEqual(ids);
    const pairs = [...this.standing].filter(
      ([name, keys]) => name.startsWith('endpoint ') && keys.length > 0,
    );
    expect(pairs.map(([slice]) => slice.replace('endpoint ', '')).sort()).toEqual(ids);
    for (const [network, slice] of [
      ['default', 'bridge'],
      ['blue', 'bridge blue'],
      ['red', 'bridge red'],
    ]) {
      const isThere = (this.standing.get(slice ?? '') ?? []).length > 0;
      expect([network, isThere]).toEqual([
        network,
        endpoints.some((each) => each.network === network),
      ]);
    }
    const claimed = endpoints.filter(({ network }) => network !== 'default');
    expect([...this.claimed.values()].sort()).toEqual(claimed.map(({ id }) => id).sort());
    const addresses = endpoints.map((each) => each.addresses[4]);
    expect(new Set(addresses).size).toBe(addresses.length);
  }
}

function text(id: number, more: Partial<AttachText> = {}): AttachText {
  return {
    id: id.toString(16).padStart(10, '0').padEnd(16, '0'),
    target: `netns:n${id}`,
    network: '',
    names: [],
    addresses: [],
    gateway: '',
    link: '',
    mac: '',
    resolver: false,
    dnsInside: false,
    ports: [],
    links: [],
    ...more,
  };
}

const asked = (id: number, more?: Partial<AttachText>) => parseAttach(text(id, more));

function ready(): Host {
  const host = new Host();
  host.restart();
  return host;
}

test('whatever is done, and after whichever step weftd ends, the next start leaves all of it or nothing', async () => {
  const deed = fc.record({
    id: fc.nat(20),
    what: fc.constantFrom('attach', 'detach', 'vanish'),
    fatal: fc.option(fc.constantFrom(...STEPS), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 40 }), async (deeds) => {
      const host = ready();
      for (const { id, what, fatal } of deeds) {
        host.fatal = fatal;
        const request = asked(id, { network: id % 2 === 0 ? 'blue' : '' });
        try {
          if (what === 'attach') await host.attachments.attach(request);
          else if (what === 'detach') await host.attachments.detach(request.id);
          else {
            host.gone.add(`/run/netns/n${id}`);
            host.attachments.pairGone(request.id);
            host.gone.delete(`/run/netns/n${id}`);
          }
        } catch (thrown) {
          if (!(thrown instanceof EndpointError)) expect(thrown).toBeInstanceOf(PowerCut);
        }
        if (fatal !== undefined) host.restart();
        host.check();
      }
    }),
  );
});

test('the same id again is the same endpoint, and a namespace is in a network once', async () => {
  const host = ready();
  const first = await host.attachments.attach(asked(1));
  expect(await host.attachments.attach(asked(1))).toBe(first);
  await expect(host.attachments.attach(asked(2, { target: 'netns:n1' }))).rejects.toThrow(
    'this namespace is in the network default already, as endpoint 0000000001000000 (netns:n1)',
  );
  await expect(host.attachments.attach(asked(3, { addresses: ['10.5.1.2'] }))).rejects.toThrow(
    '10.5.1.2 is taken by endpoint 0000000001000000',
  );
  host.check();
});

test('all that are attached at once have addresses of their own, until there is none', async () => {
  const host = ready();
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, id) => host.attachments.attach(asked(id))),
  );
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(13);
  const [refusal] = results.filter(({ status }) => status === 'rejected');
  expect(String((refusal as PromiseRejectedResult).reason)).toContain(
    'every address of 10.5.1.0/28 is taken',
  );
  host.check();
});

test('without a subnet nothing is attached; an address of a former one is told', async () => {
  const host = new Host();
  await expect(host.attachments.attach(asked(1))).rejects.toThrow('this host has no subnet yet');
  host.restart();
  await host.attachments.attach(asked(1));
  expect([...host.attachments.strangers()]).toEqual([]);
  host.attachments.setNetwork('default', { ...FACTS, subnets: { 4: prefix('10.5.9.0/28') } });
  expect([...host.attachments.strangers()].map(({ id }) => id)).toEqual(['0000000001000000']);
});

test('a disk that is full keeps no endpoint from being detached', async () => {
  const host = ready();
  await host.attachments.attach(asked(1));
  const full = (): void => {
    throw new FileError('written', '/var/lib/weft', { code: 'ENOSPC' });
  };
  Object.assign(host.store, { save: full });
  expect(await host.attachments.detach('0000000001000000')).toBe(true);
  host.check();
  await expect(host.attachments.attach(asked(2))).rejects.toThrow('/var/lib/weft');
  host.check();
});

test('an id whose link would have the name of another is refused', async () => {
  const host = ready();
  await host.attachments.attach(asked(1));
  await expect(host.attachments.attach({ ...asked(2), id: '0000000001ffffff' })).rejects.toThrow(
    'endpoint 0000000001000000 has the link weft-0000000001',
  );
  host.check();
});

test('names of an address that is of no subnet here are withdrawn, and said again when it is', async () => {
  const host = ready();
  await host.attachments.attach(asked(1));
  const other = { ...FACTS, subnets: { 4: prefix('10.5.9.0/28') } };
  host.attachments.setNetwork('default', other);
  expect([...host.said.keys()]).toEqual([]);
  host.attachments.setNetwork('default', FACTS);
  expect([...host.said.keys()]).toEqual(['0000000001000000']);
});

test('an address given back stays the last to be given when another bridge is joined', async () => {
  const host = ready();
  const bridge = { name: 'docker0', addresses: [{ address: address('10.5.1.1'), length: 28 }] };
  host.attachments.setBridges([bridge]);
  const [first] = [await host.attachments.attach(asked(1))];
  await host.attachments.detach(first.id);
  host.attachments.setBridges([]);
  host.attachments.setBridges([bridge]);
  const second = await host.attachments.attach(asked(2));
  expect(second.addresses[4]).not.toBe(first.addresses[4]);
});

test('a disk that takes nothing does not keep what has gone from going', async () => {
  const host = ready();
  await host.attachments.attach(asked(1));
  const [endpoint] = host.attachments.list();
  host.gone.add(endpoint?.place?.namespace.path ?? '');
  const full = (): void => {
    throw new FileError('written', '/var/lib/weft', { code: 'EROFS' });
  };
  Object.assign(host.store, { save: full, remove: full });
  host.attachments.pairGone('0000000001000000');
  expect([...host.attachments.list(), ...host.said.keys()]).toEqual([]);
});

test("another's bridge that has the gateway's address is joined, and our own goes", async () => {
  const host = ready();
  await host.attachments.attach(asked(1));
  expect(host.attachments.bridge()).toBe('weft0');
  host.attachments.setBridges([
    { name: 'docker0', addresses: [{ address: address('10.5.1.1'), length: 28 }] },
    { name: 'br-x', addresses: [] },
  ]);
  expect(host.attachments.bridge()).toBe('docker0');
  expect(host.standing.get('bridge')).toEqual([]);
  const second = await host.attachments.attach(asked(2));
  expect(second.addresses[4]).toBe('10.5.1.8');
});

test('a namespace in two networks has the way out of the better one, and of the other when that goes', async () => {
  const host = ready();
  const place = '/run/netns/n1';
  const way = (link: string): unknown =>
    host.inside.get(`${place} ${link}`)?.routes.find(({ route }) => route.prefix === '0.0.0.0/0')
      ?.route.gateway;
  await host.attachments.attach(asked(1));
  expect(way('eth0')).toBe('10.5.1.1');
  await host.attachments.attach(asked(2, { target: 'netns:n1', network: 'blue' }));
  expect(way('eth1')).toBe('10.6.0.1');
  expect(host.inside.get(`${place} eth1`)?.displaced).toMatchObject([
    { link: 'eth0', gateway: '10.5.1.1' },
  ]);
  await host.attachments.refresh(() => {});
  expect([way('eth0'), way('eth1')]).toEqual([undefined, '10.6.0.1']);
  await host.attachments.detach(asked(2).id);
  expect(way('eth0')).toBe('10.5.1.1');
  host.check();
});

test('those that join one namespace at once have links of their own, and one way out', async () => {
  const host = ready();
  const target = 'netns:n1';
  const endpoints = await Promise.all(
    ['', 'red', 'blue'].map((network, i) =>
      host.attachments.attach(asked(i + 1, { target, network })),
    ),
  );
  expect(new Set(endpoints.map(({ place }) => place?.link)).size).toBe(3);
  // The last to come displaces what the first ones had.
  const ways = endpoints.map(({ place }) => host.inside.get(`/run/netns/n1 ${place?.link}`));
  expect(ways[2]?.routes).toContainEqual(
    expect.objectContaining({ route: expect.objectContaining({ prefix: '0.0.0.0/0' }) }),
  );
  expect(new Set(ways[2]?.displaced.map(({ link }) => link))).toEqual(
    new Set(endpoints.slice(0, 2).map(({ place }) => place?.link)),
  );
  host.check();
});

test('whoever leaves one namespace at once is not put back by another that leaves', async () => {
  const networks = ['', 'red', 'blue'];
  const deed = fc.record({ id: fc.integer({ min: 0, max: 2 }), turns: fc.nat(12) });
  await fc.assert(
    fc.asyncProperty(fc.array(deed, { maxLength: 8 }), async (deeds) => {
      const host = ready();
      const request = (id: number) =>
        asked(id, { target: 'netns:n1', network: networks[id] ?? '' });
      for (const id of [0, 1, 2]) await host.attachments.attach(request(id));
      await Promise.all(
        deeds.map(async ({ id, turns }) => {
          for (let turn = 0; turn < turns; turn++) await Promise.resolve();
          if (!(await host.attachments.detach(request(id).id)))
            await host.attachments.attach(request(id)).catch(() => undefined);
        }),
      );
      host.check();
    }),
  );
});

test('a network that is no more is forgotten when nobody is in it', async () => {
  const host = ready();
  const { id } = await host.attachments.attach(asked(1, { network: 'blue' }));
  host.attachments.forgetOthers(new Set(['red']));
  const known = () => ['default', 'blue', 'red'].map((name) => host.attachments.network(name));
  expect(known()).toEqual([FACTS, BLUE, RED]);
  await host.attachments.detach(id);
  host.attachments.forgetOthers(new Set(['red']));
  expect(known()).toEqual([FACTS, undefined, RED]);
});

test('what cannot join is told before anything is taken, and a host joins only the network of its subnet', async () => {
  const host = ready();
  await expect(host.attachments.attach(asked(1, { network: 'green' }))).rejects.toThrow(
    'there is no network "green"',
  );
  await expect(host.attachments.expose(asked(1).id, 'blue', ['h1'])).rejects.toThrow(
    'every host has the gateway of blue',
  );
  host.check();
});
