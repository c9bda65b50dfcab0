/** Endpoints from without: asked for by the command or the control API, and what they leave behind. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ControlClient } from '../../controlplane/api/client.ts';
import {
  keyOfEndpoint,
  type Attach,
  type Endpoint,
} from '../../controlplane/api/endpoint-model.ts';
import type { Etcd } from './etcd.ts';
import { eventually } from './eventually.ts';
import type { Host } from './host.ts';
import { createLab, type Lab } from './lab.ts';
import type { Namespace } from './namespace.ts';
import type { Weftd } from './weftd.ts';

export const NETWORK = { Network: '10.5.0.0/16', Backend: { Type: 'vxlan' } };
/** What does not take this long, in ms, does not come. */
export const SOON = 10_000;

export async function readyLab(
  nodes: number,
  network: object = NETWORK,
): Promise<{ lab: Lab; daemons: Weftd[]; etcd: Etcd }> {
  const lab = await createLab({ nodes });
  try {
    const etcd = await lab.startEtcd();
    await lab.configureNetwork(network);
    const daemons = lab.hosts.map((host) => host.startWeftd());
    await Promise.all(daemons.map((daemon) => daemon.waitReady()));
    return { lab, daemons, etcd };
  } catch (error) {
    await lab.close();
    throw error;
  }
}

/** Its JSON; throws with what it said when it failed. */
export async function weft<T>(host: Host, ...args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await host.weft(...args, '--json');
  if (code !== 0 || stderr !== '')
    throw new Error(`weft ${args.join(' ')} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

export const attach = (
  host: Host,
  target: Namespace,
  ...flags: readonly string[]
): Promise<Endpoint> => weft<Endpoint>(host, 'attach', `netns:${target.netns}`, ...flags);

export const list = (host: Host): Promise<Endpoint[]> => weft<Endpoint[]>(host, 'endpoint', 'ls');

/** Resolves when no host tells of it any more: what is detached is gone on its own host at once, on others soon. */
export async function goneEverywhere({ hosts }: Lab, id: string): Promise<void> {
  for (const host of hosts)
    await eventually(async () => !(await list(host)).some((endpoint) => endpoint.id === id), {
      within: SOON,
      what: `${host.name} has forgotten the endpoint ${id}`,
    });
}

/** Of a host: what endpoints leave in its kernel, and in its files. */
export async function traces(host: Host): Promise<unknown> {
  const links = await host.ipJson<{ ifname: string; ifalias?: string }>('link show');
  const directory = join(host.stateDir, 'endpoints');
  return {
    links: links.filter(({ ifalias = '' }) => /^weft (endpoint|bridge)/.test(ifalias)).length,
    files: existsSync(directory) ? readdirSync(directory) : [],
  };
}

export const NOTHING = { links: 0, files: [] };
export const newId = (): string => randomBytes(8).toString('hex');

export function request(target: Namespace, name: string): Attach {
  return {
    id: newId(),
    target: `netns:${target.netns}`,
    network: '',
    names: [name],
    addresses: [],
    gateway: '',
    link: '',
    mac: '',
    resolver: false,
    dnsInside: false,
    ports: [],
    links: [],
  };
}

/** What one host tells of endpoints, as it comes. */
export class Watch {
  readonly keys = new Set<string>();
  readonly complete: Promise<void>;
  #waiting: (() => void)[] = [];

  constructor(client: ControlClient) {
    this.complete = new Promise((resolve) => void this.#follow(client, resolve));
  }

  present(key: string): Promise<number> {
    return this.until(() => this.keys.has(key));
  }

  absent(key: string): Promise<number> {
    return this.until(() => !this.keys.has(key));
  }

  /** When it was so first, as performance.now() has it. */
  async until(isSo: () => boolean): Promise<number> {
    while (!isSo()) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return performance.now();
  }

  async #follow(client: ControlClient, complete: () => void): Promise<void> {
    try {
      for await (const event of client.endpoint.watch()) {
        if (event.type === 'complete') complete();
        if (event.type === 'present') this.keys.add(keyOfEndpoint(event.endpoint));
        if (event.type === 'removed') this.keys.delete(event.key);
        for (const wake of this.#waiting.splice(0)) wake();
      }
    } catch {
      // Its daemon was stopped.
    }
  }
}
