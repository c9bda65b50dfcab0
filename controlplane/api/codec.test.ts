import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fromWire, toWire } from './codec.ts';
import { weft } from './generated/weft.js';
import type { Lease, Member, Plan, Status } from './model.ts';

const { v1 } = weft;
const text = fc.string();
const texts = fc.array(text, { maxLength: 3 });
const count = fc.nat();
const time = fc.date({ noInvalidDate: true, max: new Date('9999-01-01'), min: new Date(0) });

const arbStatus: fc.Arbitrary<Status> = fc.record(
  {
    nodeId: text,
    version: text,
    hostname: text,
    runningSince: time,
    ready: fc.boolean(),
    notReadyReason: text,
    problems: fc.array(
      fc.record(
        { code: text, message: text, since: time, subject: text },
        { requiredKeys: ['code', 'message', 'since'] },
      ),
    ),
    network: fc.record({
      etcdPrefix: text,
      ranges: fc.array(fc.record({ network: text, subnetLength: count, first: text, last: text })),
      backendType: text,
    }),
    underlay: fc.record({ link: text, mtu: count, publicAddresses: texts }),
    lease: fc.record(
      {
        state: fc.constantFrom('acquiring', 'held', 'doubtful', 'reserved'),
        subnets: texts,
        expires: time,
      },
      { requiredKeys: ['state', 'subnets'] },
    ),
    backend: fc.record({ type: text, devices: texts, mtu: count }),
    problemCount: count,
    peers: count,
    etcd: fc.record(
      {
        connected: fc.boolean(),
        unreachableSince: time,
        lastError: text,
        endpoints: texts,
        lastSync: time,
      },
      { requiredKeys: ['connected', 'endpoints'] },
    ),
    counters: fc.record({ repairs: fc.maxSafeNat(), refused: fc.maxSafeNat() }),
    gossip: fc.record(
      {
        name: text,
        address: text,
        alive: count,
        failed: count,
        left: count,
        encrypted: fc.boolean(),
      },
      { requiredKeys: ['name', 'alive', 'failed', 'left', 'encrypted'] },
    ),
  },
  {
    requiredKeys: [
      'nodeId',
      'version',
      'hostname',
      'runningSince',
      'ready',
      'problems',
      'problemCount',
      'lease',
      'peers',
      'etcd',
      'counters',
    ],
  },
);

const arbLease: fc.Arbitrary<Lease> = fc.record(
  {
    key: text,
    subnets: texts,
    publicAddresses: texts,
    backendType: text,
    node: text,
    mine: fc.boolean(),
    inForce: fc.boolean(),
    refusal: text,
    reserved: fc.boolean(),
    expires: time,
  },
  { requiredKeys: ['key', 'subnets', 'publicAddresses', 'mine', 'inForce', 'reserved'] },
);

/** `__proto__` does not survive: protobufjs keeps maps in plain objects. */
const tagName = fc.oneof(text, fc.constant('toNumber')).filter((name) => name !== '__proto__');
const arbMember: fc.Arbitrary<Member> = fc.record(
  {
    name: text,
    address: text,
    status: fc.constantFrom('alive', 'leaving', 'left', 'failed'),
    tags: fc.dictionary(tagName, text, { noNullPrototype: true }),
    roundTripMs: fc.double({ noNaN: true }),
    since: time,
    mine: fc.boolean(),
  },
  { requiredKeys: ['name', 'address', 'status', 'tags', 'since', 'mine'] },
);

const arbResource = fc.record({ kind: text, key: text, text });
const arbPlan: fc.Arbitrary<Plan> = fc.record({
  desired: fc.array(arbResource),
  actual: fc.array(arbResource),
  operations: fc.array(
    fc.record({
      action: fc.constantFrom('create', 'change', 'remove'),
      kind: text,
      key: text,
      text,
    }),
  ),
});

test('a status survives the wire, absent fields included', () => {
  fc.assert(
    fc.property(arbStatus, (status) => {
      const bytes = v1.Status.encode(toWire(status)).finish();
      expect(fromWire(v1.Status.decode(bytes))).toEqual(status);
    }),
  );
});

test('leases survive the wire', () => {
  fc.assert(
    fc.property(fc.array(arbLease), (leases) => {
      const bytes = v1.LeasePage.encode(toWire({ leases })).finish();
      expect(fromWire(v1.LeasePage.decode(bytes))).toEqual({ leases });
    }),
  );
});

test('members survive the wire, whatever their tags', () => {
  fc.assert(
    fc.property(fc.array(arbMember), (members) => {
      const bytes = v1.MemberPage.encode(toWire({ members })).finish();
      expect(fromWire(v1.MemberPage.decode(bytes))).toEqual({ members });
    }),
  );
});

test('a plan survives the wire', () => {
  fc.assert(
    fc.property(arbPlan, (plan) => {
      const bytes = v1.PlanPage.encode(toWire(plan)).finish();
      expect(fromWire(v1.PlanPage.decode(bytes))).toEqual(plan);
    }),
  );
});

test('what is too long is cut', () => {
  const [lease] = v1.LeasePage.decode(
    v1.LeasePage.encode(toWire({ leases: [{ key: 'x'.repeat(1 << 20) }] })).finish(),
  ).leases;
  expect(lease?.key).toBe(`${'x'.repeat(999)}…`);
});
