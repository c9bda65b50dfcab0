/** A host of the lab: a namespace or a machine with a link to the underlay, and directories of its own. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../agent/ip/address.ts';
import type { PerFamily } from '../../agent/state/facts.ts';
import type { Child } from './child.ts';
import type { Finished, RunOptions } from './command.ts';
import { groundOf } from './ground.ts';
import { Namespace } from './namespace.ts';
import { readSubnetEnv, type BridgeNetwork } from './subnet-env.ts';
import type { Machine } from './vm/machine.ts';
import { Weftd, WEFT, WEFTD, type WeftdOptions } from './weftd.ts';
import { joinWorkload } from './workload.ts';

/** The port of /healthz, /readyz and /metrics, in each host's namespace. */
export const HEALTH_PORT = 9401;

export class Host extends Namespace {
  readonly lab: string;
  /** To the underlay. */
  readonly link = 'eth0';
  /** Undefined for a namespace. */
  readonly machine: Machine | undefined;
  /** Removed with the lab. At the same place in a machine. */
  readonly directory: string;
  readonly subnetFile: string;
  readonly stateDir: string;
  readonly runDir: string;
  readonly socket: string;
  readonly workloads: Namespace[] = [];
  readonly #etcdEndpoint: () => string;
  readonly #userspace: boolean;

  constructor(
    lab: {
      readonly name: string;
      readonly directory: string;
      readonly etcdEndpoint: () => string;
      readonly userspaceWireguard?: boolean;
    },
    name: string,
    addresses: PerFamily<Address>,
    machine?: Machine,
  ) {
    const ground = machine && { ground: groundOf(machine), first: true };
    super(lab.name, name, addresses, ground);
    this.machine = machine;
    this.lab = lab.name;
    this.#etcdEndpoint = lab.etcdEndpoint;
    this.#userspace = lab.userspaceWireguard === true && machine === undefined;
    this.directory = join(lab.directory, name);
    this.subnetFile = join(this.directory, 'subnet.env');
    this.stateDir = join(this.directory, 'state');
    // Sockets belong to one kernel, and do not show in another one's view of a directory.
    this.runDir = machine === undefined ? join(this.directory, 'run') : '/run/weft';
    this.socket = join(this.runDir, 'weft.sock');
    mkdirSync(this.directory, { recursive: true });
  }

  /** A workload at the host's bridge `weft0`, in the subnet of subnet.env unless another is given. */
  async attachWorkload(name: string, network?: BridgeNetwork): Promise<Namespace> {
    const bridge = network ?? (await readSubnetEnv(this.subnetFile));
    const workload = await joinWorkload(this, name, this.workloads.length + 1, bridge);
    this.workloads.push(workload);
    return workload;
  }

  /**
   * Starts the built daemon with this host's files, and the lab's etcd unless `flags` name another. A flag given
   * here goes before the harness's own. Does not wait: see Weftd.waitReady.
   */
  startWeftd(flags: readonly string[] = [], options: WeftdOptions = {}): Weftd {
    return new Weftd(this, [...this.#flags(flags), ...flags], options);
  }

  /**
   * Runs the built daemon to its end with this host's files and etcd, as `startWeftd` does. `through` is a program,
   * with its arguments, that starts it.
   */
  runWeftd(
    flags: readonly string[],
    { through = [], ...options }: RunOptions & { readonly through?: readonly string[] } = {},
  ): Promise<Finished> {
    const [command = '', ...args] = [...through, ...this.weftdCommand(flags)];
    return this.exec(command, args, options);
  }

  /** Program and arguments of `startWeftd`, for a program that starts others. */
  weftdCommand(flags: readonly string[]): string[] {
    return [process.execPath, WEFTD, ...this.#flags(flags), ...flags];
  }

  /**
   * Program and arguments of one that sees this host's WireGuard devices in user space: their sockets bear the devices'
   * names, which all hosts have, in a directory of the machine. So each has another one there, in a mount namespace.
   */
  amongSockets(command: string, args: readonly string[]): [string, string[]] {
    if (!this.#userspace) return [command, [...args]];
    const place = join(this.directory, 'wireguard');
    const script = 'mkdir -p "$0" /run/wireguard && mount --bind "$0" /run/wireguard && exec "$@"';
    return ['unshare', ['--mount', 'sh', '-c', script, place, command, ...args]];
  }

  /** Output of `wg ARGS`, split at blanks. */
  wg(args: string): Promise<string> {
    return this.output(...this.amongSockets('wg', args.split(' ')));
  }

  /** Runs the command `weft` against this host's daemon. */
  weft(...args: readonly string[]): Promise<Finished> {
    return this.exec(process.execPath, [WEFT, ...args], { env: { WEFT_SOCKET: this.socket } });
  }

  /** Starts the command `weft`, for one that goes on. */
  watchWeft(...args: readonly string[]): Child {
    return this.spawn(process.execPath, [WEFT, ...args], { env: { WEFT_SOCKET: this.socket } });
  }

  /** Body of a page that this host serves to itself; rejects unless the status is 200. */
  async httpGet(path: string, port = HEALTH_PORT): Promise<string> {
    // Bash speaks TCP itself: no other program has to be in the namespace. Without --norc it would take the socket that
    // Node gives it as standard input for a remote shell's, and run the user's .bashrc (bash(1), INVOCATION).
    const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && printf 'GET ${path} HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3`;
    const answer = await this.output('bash', ['--norc', '-c', script], { timeoutMs: 5000 });
    const [head = '', ...body] = answer.split('\r\n\r\n');
    if (!/^HTTP\/1\.[01] 200 /.test(head)) throw new Error(`${path}: ${answer}`);
    return body.join('\r\n\r\n');
  }

  /** The harness's own, but for those that were given. */
  #flags(given: readonly string[]): string[] {
    const own: Record<string, string> = {
      'etcd-endpoints': this.#etcdEndpoint(),
      'subnet-file': this.subnetFile,
      'state-dir': this.stateDir,
      'run-dir': this.runDir,
      socket: this.socket,
      'healthz-ip': '127.0.0.1',
      'healthz-port': String(HEALTH_PORT),
      // All hosts of the lab have the machine's host name.
      'node-name': this.name,
      'log-format': 'json',
    };
    const names = new Set(given.map((flag) => flag.replace(/^--?/, '').split('=')[0]));
    return Object.entries(own)
      .filter(([name]) => !names.has(name))
      .map(([name, value]) => `--${name}=${value}`);
  }
}
