/** What others see of the daemon: the control API, health and metrics, and what systemd is told. */
import type { Logger } from 'pino';
import { serveControl, type ControlServer } from '../../controlplane/api/server.ts';
import { startHealthServer, type HealthServer } from '../front/http.ts';
import { createNotifier, type Notifier } from '../front/notify.ts';
import { peerOf } from '../front/peer-credentials.ts';
import { clusterHandlers } from './cluster-handlers.ts';
import { controlHandlers } from './control-handlers.ts';
import type { Daemon } from './daemon.ts';
import { dnsHandlers } from './dns-handlers.ts';
import { endpointHandlers } from './endpoint-handlers.ts';
import { machineClock } from './machine.ts';
import { networkHandlers } from './network-handlers.ts';

export interface Front {
  readonly notifier: Notifier;
  close(): Promise<void>;
}

/** Rejects with a HealthServerError, or a WeftError of the control API's socket. */
export async function openFront(daemon: Daemon, log: Logger): Promise<Front> {
  const { health, socket } = daemon.config;
  const complain = (sentence: string): void => log.warn(sentence);
  const notifier = await createNotifier(process.env, process.pid, machineClock, complain);
  const servers: (HealthServer | ControlServer)[] = [];
  const handlers = controlHandlers(daemon);
  daemon.events.start(handlers);
  servers.push(
    await serveControl({
      socketPath: socket,
      handlers,
      endpoints: endpointHandlers(daemon),
      networks: networkHandlers(daemon),
      cluster: clusterHandlers(daemon),
      dns: dnsHandlers(daemon),
      log,
      peerOf,
    }),
  );
  if (health.port !== 0) {
    const parts = { notReady: () => daemon.waitingFor, metrics: daemon.metrics };
    servers.push(await startHealthServer(health.address, health.port, parts));
  }
  const untell = daemon.onChange(() =>
    notifier.status(daemon.waitingFor ?? `${daemon.planner.peerCount} peers`),
  );
  const close = async (): Promise<void> => {
    untell();
    notifier.stopping();
    for (const server of servers) await server.close();
    notifier.close();
  };
  return { notifier, close };
}
