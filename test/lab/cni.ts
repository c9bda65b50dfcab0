/** CNI's calls as a runtime makes them (cnitool does no more): the executable, an environment, JSON on standard input. */
import { fileURLToPath } from 'node:url';
import type { Host } from './host.ts';
import type { Namespace } from './namespace.ts';

export const WEFT_CNI = fileURLToPath(new URL('../../dist/bin/weft-cni.cjs', import.meta.url));

export interface CniResult {
  readonly cniVersion: string;
  readonly interfaces: readonly {
    readonly name: string;
    readonly mac?: string;
    readonly mtu?: number;
    readonly sandbox?: string;
  }[];
  readonly ips: readonly {
    readonly address: string;
    readonly gateway: string;
    readonly interface: number;
    readonly version?: string;
  }[];
  readonly routes: readonly { readonly dst: string; readonly gw: string }[];
  readonly dns: { readonly nameservers?: readonly string[]; readonly search?: readonly string[] };
}

export interface CniFailure {
  readonly cniVersion: string;
  readonly code: number;
  readonly msg: string;
}

/** What was written to standard output, parsed; undefined: nothing. */
export interface CniAnswer {
  readonly code: number;
  readonly said: unknown;
}

export class Cni {
  readonly #host: Host;
  readonly #config: object;

  constructor(host: Host, config: object = {}) {
    this.#host = host;
    this.#config = {
      cniVersion: '1.1.0',
      name: 'weftnet',
      type: 'weft',
      socket: host.socket,
      ...config,
    };
  }

  async call(
    verb: string,
    env: Readonly<Record<string, string>> = {},
    config: object = {},
  ): Promise<CniAnswer> {
    const { code, stdout, stderr } = await this.#host.exec(process.execPath, [WEFT_CNI], {
      env: { CNI_COMMAND: verb, CNI_PATH: '/opt/cni/bin', CNI_ARGS: '', ...env },
      input: JSON.stringify({ ...this.#config, ...config }),
    });
    if (stderr !== '') throw new Error(`weft-cni said on stderr: ${stderr}`);
    return { code, said: stdout === '' ? undefined : JSON.parse(stdout) };
  }

  /** Rejects with its sentence when it fails. */
  async succeed<T = undefined>(...args: Parameters<Cni['call']>): Promise<T> {
    const { code, said } = await this.call(...args);
    if (code !== 0) throw new Error(`${args[0]} ended with ${code}: ${JSON.stringify(said)}`);
    return said as T;
  }

  /** Throws when it does not fail. */
  async fail(...args: Parameters<Cni['call']>): Promise<CniFailure> {
    const { code, said } = await this.call(...args);
    if (code !== 1) throw new Error(`${args[0]} ended with ${code}: ${JSON.stringify(said)}`);
    return said as CniFailure;
  }
}

/** What says which interface of which container is meant. */
export function attachment(
  container: string,
  target?: Namespace,
  link = 'eth0',
): Readonly<Record<string, string>> {
  return {
    CNI_CONTAINERID: container,
    CNI_NETNS: target === undefined ? '' : `/run/netns/${target.netns}`,
    CNI_IFNAME: link,
  };
}
