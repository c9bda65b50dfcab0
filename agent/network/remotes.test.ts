import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { address, type Address } from '../ip/address.ts';
import { mac } from '../ip/mac.ts';
import { DesiredState } from '../state/desired.ts';
import { ALL_OTHERS, keyOf, type Resource } from '../state/resource.ts';
import type { NetworkDefinition } from './definition.ts';
import { remoteResources, type OverlayHost, type Vtep } from './overlay.ts';
import { Remotes, type Remote } from './remotes.ts';

const HOST: OverlayHost = {
  underlay: { link: 'eth0', mtu: 1500, addresses: { 4: address('192.0.2.1') } },
  port: 8472,
  gbp: false,
};
const [BLUE, RED] = [networkOf('blue', 4096), networkOf('red', 4097)];
const PLACES = { h2: '192.0.2.2', h3: '192.0.2.3' } as const;
type Owner = keyof typeof PLACES;

function networkOf(name: string, vni: number): NetworkDefinition {
  return {
    id: vni.toString(16).padStart(16, '0'),
    name,
    vni,
    subnets: {},
    internal: false,
    encrypted: false,
    multicast: false,
    mtu: undefined,
    dnsTtl: undefined,
    labels: new Map(),
    created: new Date(0),
  };
}

function remote(owner: Owner, host: number, network = 'blue'): Remote {
  const hex = host.toString(16).padStart(2, '0');
  return {
    owner,
    id: hex.padStart(16, '0'),
    network,
    addresses: [address(`10.6.0.${host}`)],
    mac: mac(`02:42:0a:06:00:${hex}`),
  };
}

class World {
  readonly desired = new DesiredState();
  readonly places = new Map<string, Vtep>();
  readonly remotes = new Remotes(this.desired, { of: (owner) => this.places.get(owner) });
  readonly changes: string[] = [];

  constructor() {
    for (const [owner, place] of Object.entries(PLACES)) this.places.set(owner, vtep(place));
    this.remotes.setHost(HOST);
    this.stand(BLUE);
  }

  stand(...networks: readonly NetworkDefinition[]): void {
    this.remotes.setNetworks(new Map(networks.map((network) => [network.name, network])));
  }

  /** In one line each: who is where. */
  get entries(): readonly string[] {
    return [...this.desired.entries()]
      .flatMap(([, each]) =>
        each.kind === 'fdb' ? `${each.link} ${each.mac.slice(-2)} ${each.remote}` : [],
      )
      .toSorted();
  }
}

function vtep(place: string): Vtep {
  return { underlay: { 4: address(place) }, tunnel: {} };
}

describe('endpoints of other hosts', () => {
  test('are programmed in networks that stand here, and in no others', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.remotes.put(remote('h3', 3, 'red'));
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.2']);
    world.stand(BLUE, RED);
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.2', 'weftx-4097 03 192.0.2.3']);
    world.stand();
    expect([...world.desired.entries()]).toEqual([]);
  });

  test('follow their host to another address, and into another network', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.places.set('h2', vtep('192.0.2.9'));
    world.remotes.moved('h2');
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.9']);
    world.stand(BLUE, RED);
    world.remotes.put(remote('h2', 2, 'red'));
    expect(world.entries).toEqual(['weftx-4097 02 192.0.2.9']);
  });

  test('that move to another host are where the last word says, whichever host is heard first', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.remotes.put(remote('h3', 2));
    world.remotes.remove('h2', remote('h2', 2).id, true);
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.3']);
    world.remotes.put(remote('h2', 2));
    world.remotes.remove('h3', remote('h3', 2).id, true);
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.2']);
  });

  test('that come up elsewhere while their host is silent are there when it is given up', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.remotes.put(remote('h3', 2));
    world.remotes.remove('h2', remote('h2', 2).id, false);
    expect(world.entries).toEqual(['weftx-4096 02 192.0.2.3']);
    expect([...world.desired.contested()]).toEqual([]);
  });
});

describe('a network with multicast', () => {
  const NOISY = { ...BLUE, multicast: true };
  const flooded = (world: World): readonly string[] =>
    [...world.desired.entries()].flatMap(([, each]) =>
      each.kind === 'fdb' && each.mac === ALL_OTHERS ? each.remote : [],
    );

  test('sends what is for nobody in particular to each host with endpoints there, once', () => {
    const world = new World();
    world.stand(NOISY);
    for (const [owner, host] of [
      ['h2', 2],
      ['h2', 3],
      ['h3', 4],
    ] as const)
      world.remotes.put(remote(owner, host));
    world.remotes.put(remote('h3', 5, 'red'));
    expect(flooded(world).toSorted()).toEqual(['192.0.2.2', '192.0.2.3']);
    world.remotes.remove('h2', remote('h2', 2).id, true);
    expect(flooded(world)).toContain('192.0.2.2');
    world.remotes.remove('h2', remote('h2', 3).id, true);
    expect(flooded(world)).toEqual(['192.0.2.3']);
    world.remotes.put(remote('h3', 4, 'red'));
    expect(flooded(world)).toEqual([]);
  });

  test('sends it also to a host that is silent', () => {
    const world = new World();
    world.stand(NOISY);
    world.remotes.put(remote('h2', 2));
    world.remotes.put(remote('h3', 3));
    for (const [owner, host] of [
      ['h2', 2],
      ['h3', 3],
    ] as const)
      world.remotes.remove(owner, remote(owner, host).id, false);
    expect(flooded(world).toSorted()).toEqual(['192.0.2.2', '192.0.2.3']);
    world.remotes.kept.settle([address('192.0.2.2')]);
    expect(flooded(world)).toEqual(['192.0.2.3']);
  });
});

describe('entries that nobody says anything of', () => {
  test('stay when their host is silent, and go when it is back and has said all', () => {
    const world = new World();
    for (const host of [2, 3]) world.remotes.put(remote('h2', host));
    for (const host of [2, 3]) world.remotes.remove('h2', remote('h2', host).id, false);
    expect(world.entries).toHaveLength(2);
    world.remotes.put(remote('h2', 3));
    world.remotes.kept.settle([address('192.0.2.2')]);
    expect(world.entries).toEqual(['weftx-4096 03 192.0.2.2']);
  });

  test('yield to whoever has the place', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.remotes.remove('h2', remote('h2', 2).id, false);
    world.remotes.put({ ...remote('h3', 2), mac: mac('02:42:0a:06:00:77') });
    expect(world.entries).toEqual(['weftx-4096 77 192.0.2.3']);
    expect(world.remotes.kept.size).toBe(0);
  });

  test('are those that a start finds, but not of hosts without a lease', () => {
    const world = new World();
    const found = [remote('h2', 2), remote('h3', 3)].flatMap(({ owner, ...each }) =>
      remoteResources(BLUE, HOST, { ...each, vtep: vtep(PLACES[owner as Owner]) }),
    );
    const lone: Resource = {
      kind: 'neighbour',
      link: 'weftx-4096',
      address: address('10.6.0.9'),
      mac: mac('02:00:00:00:00:09'),
    };
    world.remotes.kept.keep([...found, lone]);
    expect([...world.desired.entries()].map(([, each]) => each)).toEqual(found);
    world.remotes.kept.retain(new Set<Address>([address('192.0.2.3')]));
    expect(world.entries).toEqual(['weftx-4096 03 192.0.2.3']);
    // What gossip then says is the same, and nothing changes.
    world.remotes.put(remote('h3', 3));
    expect(world.entries).toEqual(['weftx-4096 03 192.0.2.3']);
    expect(world.remotes.kept.size).toBe(0);
  });

  test('go with their network', () => {
    const world = new World();
    world.remotes.put(remote('h2', 2));
    world.remotes.remove('h2', remote('h2', 2).id, false);
    world.stand(RED);
    expect(world.entries).toEqual([]);
  });
});

// ---- whatever happens ----

type Deed =
  | { readonly do: 'put'; readonly remote: Remote }
  | {
      readonly do: 'remove';
      readonly owner: Owner;
      readonly id: string;
      readonly isWithdrawn: boolean;
    }
  | { readonly do: 'stand'; readonly networks: readonly NetworkDefinition[] }
  | { readonly do: 'move'; readonly owner: Owner; readonly place: string | undefined };

const arbOwner = fc.constantFrom<Owner>('h2', 'h3');
/** No two hosts have the same: addresses are claimed. */
const hostOf = (owner: Owner, n: number): number => (owner === 'h2' ? 10 : 20) + n;
const arbDeed: fc.Arbitrary<Deed> = fc.oneof(
  fc
    .tuple(arbOwner, fc.nat(3), fc.constantFrom('blue', 'red', 'green'))
    .map(([owner, n, network]): Deed => ({
      do: 'put',
      remote: remote(owner, hostOf(owner, n), network),
    })),
  fc.tuple(arbOwner, fc.nat(3), fc.boolean()).map(([owner, n, isWithdrawn]): Deed => ({
    do: 'remove',
    owner,
    id: remote(owner, hostOf(owner, n)).id,
    isWithdrawn,
  })),
  fc.subarray([BLUE, RED]).map((networks): Deed => ({ do: 'stand', networks })),
  fc
    .tuple(arbOwner, fc.constantFrom('192.0.2.2', '192.0.2.3', '192.0.2.9', undefined))
    .map(([owner, place]): Deed => ({ do: 'move', owner, place })),
);

test('whatever happens, what is said is programmed, and nothing else but what is kept', () => {
  fc.assert(
    fc.property(fc.array(arbDeed, { maxLength: 30 }), (deeds) => {
      const world = new World();
      const said = new Map<string, Remote>();
      let standing: readonly NetworkDefinition[] = [BLUE];
      for (const deed of deeds) {
        if (deed.do === 'put') {
          said.set(`${deed.remote.owner}/${deed.remote.id}`, deed.remote);
          world.remotes.put(deed.remote);
        } else if (deed.do === 'remove') {
          said.delete(`${deed.owner}/${deed.id}`);
          world.remotes.remove(deed.owner, deed.id, deed.isWithdrawn);
        } else if (deed.do === 'stand') world.stand(...(standing = deed.networks));
        else {
          if (deed.place === undefined) world.places.delete(deed.owner);
          else world.places.set(deed.owner, vtep(deed.place));
          world.remotes.moved(deed.owner);
        }
      }
      const wanted = [...said.values()].flatMap((each) => {
        const network = standing.find(({ name }) => name === each.network);
        const place = world.places.get(each.owner);
        return network && place ? remoteResources(network, HOST, { ...each, vtep: place }) : [];
      });
      for (const each of wanted) expect(world.desired.get(keyOf(each))).toEqual(each);
      expect([...world.desired.contested()]).toEqual([]);
      world.remotes.kept.retain(new Set());
      expect(world.desired.size).toBe(wanted.length);
    }),
  );
});
