import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ManualClock } from '../../test/sim/clock.ts';
import { hostFacts, peerLease, publishFor } from '../backend/backend.suite.ts';
import { createBackend } from '../backend/backends.ts';
import type { GossipMember } from '../gossip/member.ts';
import type { Membership } from '../gossip/membership.ts';
import type { SocketAddress } from '../ip/socket-address.ts';
import { PathFinder, type WayThere } from './path-finder.ts';
import { Planner } from './planner.ts';

const config = { type: 'vxlan', options: {} };
const backend = createBackend(config);
const facts = hostFacts(config, [4]);
const firewall = {
  masquerade: false,
  fullyRandom: false,
  forwardRules: false,
  blackholeRoute: false,
};
/** Nobody listens there (RFC 863), and no packet leaves this machine. */
const NOBODY = '127.0.0.1:9' as SocketAddress;

/** What is told of a peer whose lease says that it gossips there, after a minute. */
async function wayTo(gossip?: SocketAddress, membership?: Membership): Promise<WayThere> {
  const planner = new Planner({
    target: { set: () => {} },
    firewall,
    turn: async () => {},
    seconds: () => 0,
  });
  const clock = new ManualClock();
  const finder = new PathFinder({
    membership,
    wireguard: { sessionOf: () => undefined },
    planner,
    ask: () => Promise.resolve(7),
    clock,
    random: () => 0.5,
    log: pino({ level: 'silent' }),
  });
  try {
    const plain = peerLease(backend, facts, 2);
    const lease = gossip === undefined ? plain : { ...plain, gossip };
    await planner.setMesh(backend, facts, publishFor(backend, facts));
    planner.change([{ type: 'put', id: 'two', lease }]);
    finder.leases([{ type: 'put', id: 'two', lease }]);
    finder.setUnderlay(1500);
    for (let step = 0; step < 60; step++) clock.advance(1000);
    await setImmediate();
    return finder.wayTo('two', lease);
  } finally {
    finder.stop();
  }
}

const member = {
  ping: (_, length) => new Uint8Array(length),
  answer: () => undefined,
} as Partial<GossipMember> as GossipMember;
const membership = { member } as Membership;

test('why a path is not known is said; the way over the tunnel is measured all the same', async () => {
  const told = async (gossip?: SocketAddress, of?: Membership): Promise<unknown> => {
    const { pathUnknown, ...rest } = await wayTo(gossip, of);
    expect(rest).toEqual({ roundTripMs: 7 });
    return pathUnknown;
  };
  expect(await told(NOBODY)).toBe('gossip is switched off on this host');
  expect(await told(undefined, membership)).toBe('its lease does not say where it gossips');
  expect(await told(NOBODY, membership)).toBe('nobody answers at 127.0.0.1:9');
});
