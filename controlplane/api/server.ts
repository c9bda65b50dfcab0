/** The daemon's end of the control API: gRPC on a unix socket. */
import { Server } from '@grpc/grpc-js';
import { unlink } from 'node:fs/promises';
import { audited, mapped, Streams, unary } from './answering.ts';
import type { ClusterHandlers } from './cluster-handlers.ts';
import { clusterImplementation } from './cluster-server.ts';
import { CLUSTER } from './cluster-service.ts';
import { fromWire, toWire } from './codec.ts';
import type { DnsHandlers } from './dns-handlers.ts';
import { dnsImplementation } from './dns-server.ts';
import { DNS } from './dns-service.ts';
import { endpointImplementation } from './endpoint-server.ts';
import type { EndpointHandlers } from './endpoint-handlers.ts';
import { ENDPOINTS } from './endpoint-service.ts';
import { WeftError } from './errors.ts';
import type { ControlHandlers, ControlLog } from './handlers.ts';
import { listen, type PeerOf } from './listen.ts';
import {
  KEY_ACTIONS,
  PROBLEM_LIMIT,
  type KeyAction,
  type RotationStep,
  type Status,
} from './model.ts';
import { Repeats, Told } from './repeats.ts';
import { CONTROL } from './service.ts';
import type { NetworkHandlers } from './network-handlers.ts';
import { networkImplementation } from './network-server.ts';
import { NETWORKS } from './network-service.ts';
import { claimSocket, guardSocket } from './socket.ts';
import {
  keyPages,
  leasePages,
  leaseUpdates,
  memberPages,
  memberUpdates,
  peerPages,
  peerUpdates,
  planPages,
  rotationSteps,
  statuses,
} from './streams.ts';

/** Calls at once on one connection; further ones wait in the caller. */
const CALLS_PER_CONNECTION = 100;
/** A connection without a call is closed after this; callers that vanished leave none behind. */
const IDLE_MS = 60_000;
/** Time for the last words to calls under way when the daemon stops. */
const STOP_LIMIT_MS = 1000;

export interface ControlServerOptions {
  readonly socketPath: string;
  readonly handlers: ControlHandlers;
  /** Each absent: that service is not there. */
  readonly endpoints?: EndpointHandlers;
  readonly networks?: NetworkHandlers;
  readonly cluster?: ClusterHandlers;
  readonly dns?: DnsHandlers;
  readonly log: ControlLog;
  /** Who asks, for the log of changes. */
  readonly peerOf?: PeerOf;
  /** Where the group `weft` is looked up; /etc/group unless told. */
  readonly groupFile?: string;
}

export interface ControlServer {
  /** Ends calls under way with WEFT_STOPPED, and removes the socket. */
  close(): Promise<void>;
}

/** Resolves when it listens. Throws WEFT_SOCKET_IN_USE or WEFT_SOCKET_PATH. */
export async function serveControl(options: ControlServerOptions): Promise<ControlServer> {
  const { socketPath, handlers, endpoints, networks, cluster, dns, log } = options;
  const { groupFile = '/etc/group', peerOf = () => undefined } = options;
  await claimSocket(socketPath);
  const server = new Server({
    'grpc.enable_channelz': 0,
    'grpc.max_concurrent_streams': CALLS_PER_CONNECTION,
    'grpc.max_connection_idle_ms': IDLE_MS,
  });
  const streams = new Streams(log);
  const repeats = new Repeats();
  const control = implementation(handlers, streams, repeats, log);
  server.addService(CONTROL, audited(control, CHANGES, log));
  if (endpoints !== undefined)
    server.addService(
      ENDPOINTS,
      audited(endpointImplementation(endpoints, streams, log), ENDPOINT_CHANGES, log),
    );
  if (networks !== undefined)
    server.addService(
      NETWORKS,
      audited(networkImplementation(networks, streams, log), NETWORK_CHANGES, log),
    );
  if (cluster !== undefined) server.addService(CLUSTER, clusterImplementation(cluster, streams));
  if (dns !== undefined)
    server.addService(
      DNS,
      audited(dnsImplementation(dns, streams, repeats, log), DNS_CHANGES, log),
    );
  const unlisten = await listen(server, socketPath, peerOf);
  const close = async (): Promise<void> => {
    unlisten();
    streams.close();
    await shutDown(server);
    await unlink(socketPath).catch(() => undefined);
  };
  await guardSocket(socketPath, groupFile).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return { close };
}

/** Calls that change something: who asks is logged. */
const CHANGES = ['changeKey', 'rotateWireguardKey'] as const;
const ENDPOINT_CHANGES = ['attach', 'detach', 'expose', 'hide'] as const;
const NETWORK_CHANGES = ['createNetwork', 'removeNetwork'] as const;
const DNS_CHANGES = ['addName', 'removeName'] as const;

/** Named as in CONTROL. */
function implementation(
  handlers: ControlHandlers,
  streams: Streams,
  repeats: Repeats,
  log: ControlLog,
) {
  return {
    getStatus: unary(() => statusMessage(handlers.status()), log),
    watchStatus: streams.serve((signal) => mapped(statuses(handlers, signal), statusMessage)),
    listLeases: streams.serve(() => mapped(leasePages(handlers), toWire)),
    watchLeases: streams.serve((signal) => mapped(leaseUpdates(handlers, signal), toWire)),
    getPlan: streams.serve(() => mapped(planPages(handlers), toWire)),
    listMembers: streams.serve(() => mapped(memberPages(handlers), toWire)),
    watchMembers: streams.serve((signal) => mapped(memberUpdates(handlers, signal), toWire)),
    listPeers: streams.serve(() => mapped(peerPages(handlers), toWire)),
    watchPeers: streams.serve((signal) => mapped(peerUpdates(handlers, signal), toWire)),
    listKeys: streams.serve(() => mapped(keyPages(handlers.keys()), toWire)),
    changeKey: streams.serve((_signal, request) => {
      const { action, key } = fromWire(request) as {
        readonly action: string;
        readonly key: string;
      };
      return mapped(keyPages(handlers.changeKey(keyAction(action), key)), toWire);
    }),
    rotateWireguardKey: streams.serve((signal, request) => {
      const { id } = fromWire(request) as { readonly id: string };
      const rotation = repeats.once(
        id,
        { rotateWireguardKey: {} },
        () => new Told<RotationStep>(async (tell) => await handlers.rotateWireguardKey(tell)),
      );
      return mapped(rotationSteps(rotation, signal), toWire);
    }),
  };
}

/** Throws WEFT_USAGE. */
function keyAction(word: string): KeyAction {
  const action = KEY_ACTIONS.find((known) => known === word);
  if (action !== undefined) return action;
  throw new WeftError('WEFT_USAGE', `a key cannot be told to ${JSON.stringify(word)}`, {
    fix: `ask for one of ${KEY_ACTIONS.join(', ')}`,
  });
}

function statusMessage(status: Status): object {
  return toWire({ ...status, problems: status.problems.slice(0, PROBLEM_LIMIT) });
}

async function shutDown(server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    const impatience = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, STOP_LIMIT_MS);
    server.tryShutdown(() => {
      clearTimeout(impatience);
      resolve();
    });
  });
}
