import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import type { GossipConfig } from '../config/config.ts';
import { address, type Address } from '../ip/address.ts';
import { parseSocketAddress, type SocketAddress } from '../ip/socket-address.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';
import type {
  GossipMember,
  GossipProblem,
  MemberChange,
  MemberView,
  OpenOptions,
  RecordView,
} from './member.ts';
import { Membership } from './membership.ts';

const place = (text: string): SocketAddress => parseSocketAddress(text) as SocketAddress;

function view(name: string, where: string, status: MemberView['status'] = 'alive'): MemberView {
  return {
    name,
    address: place(where),
    status,
    tags: {},
    since: new Date(0),
    mine: name === 'h1',
  };
}

/** A member that does nothing but remember. */
class FakeMember implements GossipMember {
  readonly options: OpenOptions;
  readonly isEncrypted = false;
  readonly joined: (readonly SocketAddress[])[] = [];
  readonly table: MemberView[] = [];
  readonly said = new Map<string, RecordView>();
  address: SocketAddress | undefined;
  isClosed = false;
  counts: GossipMember['counts'] = undefined as never;

  constructor(options: OpenOptions) {
    this.options = options;
  }

  members(): Iterable<MemberView> {
    return this.table;
  }

  async join(places: readonly SocketAddress[]): Promise<void> {
    this.joined.push(places);
    await Promise.resolve();
  }

  put(kind: string, key: string, payload: Uint8Array): void {
    const before = this.said.get(`${kind} ${key}`);
    const after = { owner: 'h1', kind, key, payload };
    this.said.set(`${kind} ${key}`, after);
    this.options.recorded({ before, after });
  }

  remove(kind: string, key: string): void {
    const before = this.said.get(`${kind} ${key}`);
    this.said.delete(`${kind} ${key}`);
    this.options.recorded({ before });
  }

  records(kind: string): Iterable<RecordView> {
    return [...this.said.values()].filter((record) => record.kind === kind);
  }

  readonly saidOnce: [name: string, payload: Uint8Array][] = [];

  sayOnce(name: string, payload: Uint8Array): void {
    this.saidOnce.push([name, payload]);
  }

  ask(): Promise<ReadonlyMap<string, Uint8Array>> {
    return Promise.resolve(new Map());
  }

  ping(): undefined {
    return undefined;
  }

  answer(): void {}

  keys(): Promise<never> {
    return Promise.reject(new Error('not asked'));
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await Promise.resolve();
  }

  listen(): void {
    this.address = this.options.place.advertise;
    this.options.listening();
  }

  tell(member: MemberView): void {
    this.table.push(member);
    this.options.changed({ type: 'present', member });
  }
}

class Stage {
  readonly clock = new ManualClock();
  readonly opened: FakeMember[] = [];
  readonly seen: MemberChange[] = [];
  problems: readonly GossipProblem[] = [];
  moves = 0;
  own: Address | undefined = address('192.0.2.1');
  failure: Error | undefined;
  /** Whether a member that is opened listens at once. */
  isPortFree = true;
  underlayChanged: () => void = () => {};
  readonly membership: Membership;

  constructor(config: Partial<GossipConfig> = {}) {
    this.membership = new Membership({
      config: { port: 7946, join: [], ...config },
      underlay: { interfaces: [], interfacePatterns: [], publicAddresses: {} },
      name: 'h1',
      tags: new Map([['version', '1']]),
      snapshotFile: '/snapshot',
      find: () => Promise.resolve(this.#choice()),
      watch: (listener) => {
        this.underlayChanged = listener;
        return () => (this.underlayChanged = () => {});
      },
      open: (options) => this.#open(options),
      clock: this.clock,
      random: () => 0.99,
      log: { info: () => {}, warn: () => {} },
      troubled: (problems) => (this.problems = problems),
      changed: () => {},
      moved: () => this.moves++,
    });
    this.membership.onChange((change) => this.seen.push(change));
  }

  #open(options: OpenOptions): GossipMember {
    if (this.failure !== undefined) throw this.failure;
    const member = new FakeMember(options);
    this.opened.push(member);
    if (this.isPortFree) setImmediate(() => member.listen());
    return member;
  }

  #choice(): UnderlayChoice {
    if (this.own === undefined) return { status: 'none', problem: 'no interface; plug one in' };
    const addresses = { 4: this.own };
    const facts = { link: 'eth0', mtu: 1500, routes: [] };
    return {
      status: 'chosen',
      underlay: { ...facts, addresses, publicAddresses: addresses },
    };
  }

  async pass(ms: number): Promise<void> {
    this.clock.advance(ms);
    for (let turns = 0; turns < 5; turns++) await turn();
  }
}

test('it listens at the underlay’s address, and tells so', async () => {
  const stage = new Stage({ keyFile: '/keys', join: ['h9'] });
  expect(stage.membership.address).toBeUndefined();
  await stage.membership.start();
  expect(stage.membership.address).toBe('192.0.2.1:7946');
  expect([stage.moves, stage.problems]).toEqual([1, []]);
  expect(stage.opened[0]?.options).toMatchObject({
    name: 'h1',
    place: { listen: '192.0.2.1:7946', advertise: '192.0.2.1:7946' },
    join: ['h9'],
    keyFile: '/keys',
    snapshotFile: '/snapshot',
  });
});

test('what cannot be opened is a problem, tried again until it can, and then none', async () => {
  const stage = new Stage();
  stage.failure = new Error('the key file /keys is damaged');
  await stage.membership.start();
  expect(stage.problems).toEqual([
    {
      code: 'GOSSIP',
      message: 'the key file /keys is damaged; the mesh goes on, and weft tries again',
    },
  ]);
  expect(stage.membership.member).toBeUndefined();
  await stage.pass(1_000);
  stage.failure = undefined;
  await stage.pass(2_000);
  expect([stage.problems, stage.opened.length, stage.moves]).toEqual([[], 1, 1]);
});

test('without an address it waits for one', async () => {
  const stage = new Stage();
  stage.own = undefined;
  await stage.membership.start();
  expect(stage.problems).toMatchObject([{ code: 'GOSSIP' }]);
  stage.own = address('192.0.2.1');
  stage.underlayChanged();
  await stage.pass(1_000);
  expect([stage.problems, stage.membership.address]).toEqual([[], '192.0.2.1:7946']);
});

test('another address is another member; the same one stays, whatever else changes', async () => {
  const stage = new Stage();
  await stage.membership.start();
  stage.opened[0]?.tell(view('h2', '192.0.2.2:7946'));
  stage.underlayChanged();
  await stage.pass(1_000);
  expect([stage.opened.length, stage.moves]).toEqual([1, 1]);
  stage.own = address('192.0.2.9');
  stage.underlayChanged();
  stage.underlayChanged();
  await stage.pass(1_000);
  expect([stage.opened.length, stage.opened[0]?.isClosed, stage.moves]).toEqual([2, true, 2]);
  expect(stage.membership.address).toBe('192.0.2.9:7946');
  expect(stage.seen.at(-1)).toEqual({ type: 'removed', name: 'h2' });
});

test('what this host says is said again by a member that takes another’s place, and what others said is gone', async () => {
  const stage = new Stage();
  const { membership } = stage;
  const told: string[] = [];
  const name = (record: RecordView | undefined): string => record?.key ?? '-';
  membership.onRecord('endpoint', ({ before, after }) =>
    told.push(`${name(before)} ${name(after)}`),
  );
  membership.put('endpoint', 'early', Buffer.from('1'));
  await membership.start();
  membership.put('endpoint', 'web', Buffer.from('2'));
  membership.put('name', 'other', Buffer.from('3'));
  membership.remove('endpoint', 'early');
  expect(told).toEqual(['- early', '- web', 'early -']);
  stage.own = address('192.0.2.9');
  stage.underlayChanged();
  await stage.pass(1_000);
  expect(told.slice(3)).toEqual(['web -', '- web']);
  expect([...membership.records('endpoint')].map(({ key }) => key)).toEqual(['web']);
});

test('while the address is away the member stays', async () => {
  const stage = new Stage();
  await stage.membership.start();
  stage.own = undefined;
  stage.underlayChanged();
  await stage.pass(1_000);
  expect(stage.problems).toMatchObject([{ code: 'GOSSIP' }]);
  expect(stage.opened[0]?.isClosed).toBe(false);
  stage.own = address('192.0.2.1');
  await stage.pass(2_000);
  expect([stage.opened.length, stage.problems]).toEqual([1, []]);
});

test('hosts of the same etcd are joined while nobody is there, and are seeds while they are missing', async () => {
  const stage = new Stage();
  await stage.membership.start();
  const [member] = stage.opened;
  const gossip = place('192.0.2.2:7946');
  const lease = { subnets: {}, publicAddresses: {}, backendType: 'vxlan', gossip };
  stage.membership.leases([{ type: 'put', id: 'k', lease }]);
  await stage.pass(0);
  expect(member?.joined).toEqual([[gossip]]);
  member?.tell(view('h2', '192.0.2.2:7946'));
  await stage.pass(60_000);
  expect([member?.joined.length, member?.options.seeds()]).toEqual([1, []]);
  member?.tell(view('h2', '192.0.2.2:7946', 'failed'));
  expect(member?.options.seeds()).toEqual([gossip]);
});

test('what the member finds wrong is told, and a start waits no longer', async () => {
  const stage = new Stage();
  stage.isPortFree = false;
  const started = stage.membership.start();
  await stage.pass(0);
  const problem = { code: 'GOSSIP_LISTEN', message: 'another program listens there' };
  stage.opened[0]?.options.troubled([problem]);
  await started;
  expect([stage.problems, stage.membership.member, stage.moves]).toEqual([[problem], undefined, 0]);
  stage.opened[0]?.options.troubled([]);
  stage.opened[0]?.listen();
  expect([stage.problems, stage.membership.address, stage.moves]).toEqual([
    [],
    '192.0.2.1:7946',
    1,
  ]);
});

test('stopped it closes the member and opens no other', async () => {
  const stage = new Stage();
  await stage.membership.start();
  stage.underlayChanged();
  await stage.membership.stop();
  await stage.pass(60_000);
  expect([stage.opened.length, stage.opened[0]?.isClosed]).toEqual([1, true]);
});
