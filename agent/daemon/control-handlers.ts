/** What the daemon answers the control API with. */
import { hostname } from 'node:os';
import { WeftError } from '../../controlplane/api/errors.ts';
import type { ControlHandlers } from '../../controlplane/api/handlers.ts';
import type {
  LeaseChange,
  Lease as ApiLease,
  OwnLease,
  Plan,
  PlanResource,
  Status,
} from '../../controlplane/api/model.ts';
import { VERSION } from '../../controlplane/api/version.ts';
import type { Operation } from '../state/kernel.ts';
import { describe, keyOf, type Resource } from '../state/resource.ts';
import type { SubnetService } from '../subnet/service.ts';
import type { Daemon } from './daemon.ts';
import { gossipHandlers, gossipStatus } from './gossip-handlers.ts';
import { apiLease, inOrder } from './lease-rows.ts';
import type { KeyRotation } from './key-rotation.ts';
import { machineClock } from './machine.ts';
import { peerHandlers } from './peer-handlers.ts';

export function controlHandlers(daemon: Daemon): ControlHandlers {
  return {
    status: () => statusOf(daemon),
    watchStatus: (changed) => daemon.onChange(changed),
    leases: () => leasesOf(daemon),
    watchLeases: (listener) => watchLeases(daemon, listener),
    plan: () => planOf(daemon),
    ...peerHandlers(daemon),
    ...gossipHandlers(daemon.membership),
    rotateWireguardKey: async (tell) => await rotationOf(daemon).rotate(tell),
  };
}

/** Throws a WeftError where there is no such key. */
function rotationOf({ session, waitingFor }: Daemon): KeyRotation {
  const rotation = waitingFor === undefined ? session?.rotation : undefined;
  if (rotation !== undefined) return rotation;
  const backend = session?.backend.type;
  throw new WeftError(
    'WEFT_ROTATION_REFUSED',
    waitingFor ?? `the backend of this network is ${backend}, which has no keys`,
    { fix: waitingFor === undefined ? 'see weft status' : 'ask again in a moment' },
  );
}

function statusOf(daemon: Daemon): Status {
  const { session, network, config, planner } = daemon;
  const { waitingFor } = daemon;
  const service = session?.service;
  const problems = daemon.board.list();
  const gossip = gossipStatus(daemon.membership);
  return {
    nodeId: daemon.node,
    version: VERSION,
    hostname: hostname(),
    runningSince: daemon.startedAt,
    ready: daemon.isReady,
    ...(waitingFor === undefined ? {} : { notReadyReason: waitingFor }),
    problems: problems,
    problemCount: problems.length,
    ...(network === undefined
      ? {}
      : {
          network: {
            etcdPrefix: config.etcd.prefix,
            ranges: inOrder(network.ranges),
            backendType: network.backend.type,
          },
        }),
    ...(session === undefined
      ? {}
      : {
          underlay: {
            link: session.underlay.link,
            mtu: session.underlay.mtu,
            publicAddresses: inOrder(session.underlay.publicAddresses),
          },
        }),
    lease: ownLease(service),
    ...(session === undefined || planner.mtu === undefined
      ? {}
      : { backend: { type: session.backend.type, devices: devicesOf(daemon), mtu: planner.mtu } }),
    peers: planner.peerCount,
    etcd: etcdOf(daemon),
    counters: { repairs: daemon.reporter.repairs, refused: service?.refused.count ?? 0 },
    ...(gossip === undefined ? {} : { gossip }),
  };
}

function devicesOf({ planner, session, reconciler }: Daemon): string[] {
  if (planner.facts === undefined) return [];
  const names = new Set(session?.backend.links);
  const links = [...reconciler.desired()].flatMap((each) =>
    each.kind === 'link' ? each.name : [],
  );
  return links.filter((name) => names.has(name));
}

export function ownLease(service: SubnetService | undefined): OwnLease {
  const own = service?.own;
  if (own === undefined) return { state: 'acquiring', subnets: [] };
  const { subnets, state, reserved, expiresAt } = own;
  const word =
    state === 'held' && reserved ? 'reserved' : state === 'regaining' ? 'acquiring' : state;
  return {
    state: word,
    subnets: inOrder(subnets),
    ...(Number.isFinite(expiresAt) ? { expires: dateOf(expiresAt) } : {}),
  };
}

export function etcdOf({ session, config, board }: Daemon): Status['etcd'] {
  const { endpoints } = config.etcd;
  const etcd = session?.service?.etcd;
  if (etcd === undefined) {
    const lastError = board.list().find(({ code }) => code === 'ETCD')?.message;
    return {
      connected: lastError === undefined,
      endpoints,
      ...(lastError === undefined ? {} : { lastError }),
    };
  }
  const since = dateOf(etcd.since);
  return {
    connected: etcd.connected,
    endpoints,
    ...(etcd.connected ? { lastSync: new Date() } : { unreachableSince: since }),
    ...(etcd.error === undefined ? {} : { lastError: etcd.error }),
  };
}

/** A moment on the machine's clock as a date. */
function dateOf(at: number): Date {
  return new Date(Date.now() + at - machineClock.now());
}

function* leasesOf(daemon: Daemon): Iterable<ApiLease> {
  const service = daemon.session?.service;
  if (service === undefined) return;
  for (const row of service.rows()) yield leaseOf(service, row.key) as ApiLease;
}

function leaseOf(service: SubnetService, key: string): ApiLease | undefined {
  const row = service.row(key);
  if (row === undefined) return undefined;
  const { own } = service;
  const mine = own?.key === key;
  const expires =
    own !== undefined && Number.isFinite(own.expiresAt) ? { expires: dateOf(own.expiresAt) } : {};
  const ownKey = own === undefined ? undefined : { key: own.key, ...expires };
  return apiLease(row, ownKey, mine || service.peers.has(key), service.noteOn(key));
}

function watchLeases(daemon: Daemon, listener: (change: LeaseChange) => void): () => void {
  return daemon.onLeases((keys) => {
    const service = daemon.session?.service;
    for (const key of keys) {
      const lease = service === undefined ? undefined : leaseOf(service, key);
      listener(lease === undefined ? { type: 'removed', key } : { type: 'present', lease });
    }
  });
}

async function planOf({ reconciler }: Daemon): Promise<Plan> {
  return planAsTold(reconciler.desired(), reconciler.actual(), await reconciler.plan());
}

export function planAsTold(
  desired: Iterable<Resource>,
  actual: Iterable<Resource>,
  operations: readonly Operation[],
): Plan {
  return {
    desired: [...desired].map(told),
    actual: [...actual].map(told),
    operations: operations.map((operation) => ({
      action: operation.action,
      ...told(operation.desired ?? operation.actual),
    })),
  };
}

function told(resource: Resource): PlanResource {
  return { kind: resource.kind, key: keyOf(resource), text: describe(resource) };
}
