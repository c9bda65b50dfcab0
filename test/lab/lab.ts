/**
 * Hosts on one machine: network namespaces, or machines that QEMU runs (vm/), at a bridge that has a namespace of its
 * own, so that the machine's network is never touched.
 *
 *     h1 [eth0]──┐                          ┌──[eth0] etcd
 *     h2 [eth0]──┼── switch: bridge br0 ────┤
 *     h3 [eth0]──┘   (gateway, "outside")   └── …
 *
 * Use: `await using lab = await createLab({ nodes: 3 })`. Nothing stays, also when the process is interrupted.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { familyOf, type Address, type Family } from '../../agent/ip/address.ts';
import {
  addressIn,
  familyOfPrefix,
  lengthOf,
  parsePrefix,
  rangeOf,
  type Prefix,
} from '../../agent/ip/prefix.ts';
import { ipSync } from './command.ts';
import { startEtcd, type Etcd } from './etcd.ts';
import { collectEvidence, type TestEnd } from './evidence.ts';
import { Host } from './host.ts';
import { Namespace } from './namespace.ts';
import { makeBootImage, type BootImage } from './vm/boot-image.ts';
import { Machine } from './vm/machine.ts';
import { labDirectory, newLabName, removeTraces, sweepStale, switchOf } from './traces.ts';

interface LinkPrefixes {
  readonly v4?: string;
  readonly v6?: string;
}

export interface LabOptions {
  /** 1 to 199. */
  readonly nodes: number;
  /** Prefixes of the underlay, at least a /24 or so; v4 alone when absent. */
  readonly underlay?: LinkPrefixes & { readonly mtu?: number };
  /** Which link each host is on, 0 when absent: link N has the N-th underlay prefix, and the switch routes between. */
  readonly segments?: readonly number[];
  /** Prefixes of links that shall not have those that follow, by their number. */
  readonly elsewhere?: Readonly<Record<number, LinkPrefixes>>;
  /** Whether hosts have a default route, to the switch. True when absent. */
  readonly gateway?: boolean;
  /** Numbers of the hosts that are machines with Debian's kernel, or all; the others are namespaces. */
  readonly machines?: readonly number[] | 'all';
  /** Whether the hosts that are namespaces have WireGuard devices in user space: each then has its own sockets of them. */
  readonly userspaceWireguard?: boolean;
  /** Memory of each machine, in MiB. 384 when absent: for weftd and what the tests run beside it. */
  readonly machineMemory?: number;
  /** systemd is the first program of the machines. */
  readonly systemd?: boolean;
  /** The test's context, to keep what it leaves if it fails (evidence.ts). Not for measurements. */
  readonly evidence?: TestEnd;
}

const UNDERLAY: LinkPrefixes = { v4: '192.168.77.0/24' };
/** Places in the underlay's prefix: hosts from 1, etcd, and the switch as the gateway. */
const ETCD_PLACE = 200;
const GATEWAY_PLACE = 254;
const ETCD_PORT = 2379;

/** Addresses the switch has besides: anything that is neither host nor workload (RFC 5737, RFC 3849). */
export const OUTSIDE: Readonly<Record<Family, Address>> = {
  4: '203.0.113.1' as Address,
  6: '2001:db8::1' as Address,
};

/** The port's, by the host's place, so that a machine has the same one in every run. */
const MACHINE_MAC = '02:77:6d:00:00:';

/** How long the programs in machines have to end with the lab, before the machines do. */
const MACHINE_GRACE_MS = 60_000;

/** Rejects, with nothing left behind, when a part cannot be made. */
export async function createLab(options: LabOptions): Promise<Lab> {
  if (options.nodes < 1 || options.nodes >= ETCD_PLACE)
    throw new RangeError(`a lab has 1 to ${ETCD_PLACE - 1} hosts, not ${options.nodes}`);
  sweepStale();
  const lab = new Lab(options);
  try {
    await lab.build();
    if (options.evidence !== undefined) await collectEvidence(lab, options.evidence);
  } catch (error) {
    await lab.close();
    throw error;
  }
  return lab;
}

export class Lab {
  /** All that the lab makes begins with it. */
  readonly name = newLabName();
  /** Removed with the lab. */
  readonly directory = labDirectory(this.name);
  readonly hosts: Host[] = [];
  /** The world beyond the hosts: has the OUTSIDE addresses. */
  readonly outside: Namespace;
  readonly #options: LabOptions;
  readonly #prefixes: readonly Prefix[];
  #etcd: { readonly server: Etcd; readonly place: Namespace } | undefined;
  #closing: Promise<void> | undefined;
  readonly #beforeClose: (() => Promise<unknown>)[] = [];

  constructor(options: LabOptions) {
    this.#options = options;
    this.#prefixes = prefixesIn(options.underlay ?? UNDERLAY);
    this.outside = new Namespace(this.name, 'switch', OUTSIDE);
  }

  /** Makes switch and namespaces in one go: no signal is handled in between. Machines boot side by side. */
  async build(): Promise<void> {
    mkdirSync(this.directory);
    ipSync(undefined, [`netns add ${switchOf(this.name)}`]);
    await this.outside.setSysctls({
      'net.ipv4.ip_forward': 1,
      'net.ipv6.conf.all.forwarding': 1,
      'net.ipv6.conf.default.accept_dad': 0,
    });
    ipSync(switchOf(this.name), this.#switchCommands());
    for (let place = 1; place <= this.#options.nodes; place++) {
      const segment = this.#options.segments?.[place - 1] ?? 0;
      this.hosts.push(this.#newHost(`h${place}`, place, segment));
    }
    const image = this.hosts.some(({ machine }) => machine !== undefined)
      ? await makeBootImage(this.directory)
      : undefined;
    await Promise.all(this.hosts.map((host, i) => this.#setUp(host, i + 1, image)));
  }

  host(number: number): Host {
    const host = this.hosts[number - 1];
    if (host === undefined) throw new RangeError(`there is no host ${number}`);
    return host;
  }

  /** A real etcd in a namespace of its own at the underlay. */
  async startEtcd(
    options: { readonly clientCerts?: { ca: string; cert: string; key: string } } = {},
  ): Promise<Etcd> {
    if (this.#etcd !== undefined) throw new Error('this lab has its etcd');
    const place = this.#newHost('etcd', ETCD_PLACE, 0);
    await this.#setUpLink(place, ETCD_PLACE);
    const server = await startEtcd({
      netns: place.netns,
      host: place.address,
      port: ETCD_PORT,
      dataDir: place.directory,
      ...options,
    });
    this.#etcd = { server, place };
    return server;
  }

  /** Where etcd runs: for `exec`, and to cut its link. */
  get etcdPlace(): Namespace {
    return this.#runningEtcd().place;
  }

  get etcdEndpoint(): string {
    return this.#runningEtcd().server.endpoint;
  }

  /** Output of `etcdctl ARGS` (API v3) against the lab's etcd. */
  async etcdctl(...args: readonly string[]): Promise<string> {
    const { server, place } = this.#runningEtcd();
    return place.output('etcdctl', [`--endpoints=${server.endpoint}`, ...args], {
      env: { ETCDCTL_API: '3' },
    });
  }

  /** Puts the network configuration at flanneld's key. */
  async configureNetwork(config: unknown, prefix = '/coreos.com/network'): Promise<void> {
    await this.etcdctl('put', `${prefix}/config`, JSON.stringify(config));
  }

  /** Ends every program and removes everything. May be called again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Done first by `close`, which goes on whatever comes of it. */
  beforeClose(work: () => Promise<unknown>): void {
    this.#beforeClose.push(work);
  }

  /** What the machines' kernels and QEMU print, in files. */
  get machineLogs(): string {
    return join(this.directory, 'machines');
  }

  async #close(): Promise<void> {
    const machines = this.hosts.flatMap(({ machine }) => machine ?? []);
    const cutPower = () => Promise.all(machines.map((machine) => machine.cutPower()));
    // One that hangs would not say that its programs have ended.
    const late = setTimeout(() => void cutPower(), MACHINE_GRACE_MS);
    await Promise.allSettled(this.#beforeClose.map((work) => work()));
    const places = this.hosts.flatMap((host) => [host, ...host.workloads]);
    await Promise.all([...places, this.outside].map((place) => place.stopChildren()));
    clearTimeout(late);
    await cutPower();
    await this.#etcd?.server.stop();
    removeTraces(this.name);
  }

  #runningEtcd() {
    if (this.#etcd === undefined) throw new Error('startEtcd first');
    return this.#etcd;
  }

  /** Segments in use. */
  #links(): number[] {
    return [...new Set([0, ...(this.#options.segments ?? [])])];
  }

  #switchCommands(): string[] {
    const mtu = this.#options.underlay?.mtu ?? 1500;
    const bridges = this.#links().flatMap((segment) => [
      `link add br${segment} mtu ${mtu} type bridge mcast_snooping 0`,
      `link set br${segment} up`,
      ...this.#prefixesOf(segment).map((prefix) =>
        addressCommand(addressIn(prefix, BigInt(GATEWAY_PLACE)), lengthOf(prefix), `br${segment}`),
      ),
    ]);
    const outside = Object.values(OUTSIDE).map((address) =>
      addressCommand(address, familyOf(address) === 4 ? 32 : 128, 'lo'),
    );
    return ['link set lo up', ...outside, ...bridges];
  }

  #newHost(name: string, place: number, segment: number): Host {
    const prefixes = this.#prefixesOf(segment);
    const addresses = Object.fromEntries(
      prefixes.map((prefix) => [familyOfPrefix(prefix), addressIn(prefix, BigInt(place))]),
    );
    const etcdEndpoint = () => this.etcdEndpoint;
    const { userspaceWireguard = false } = this.#options;
    const parts = { name: this.name, directory: this.directory, etcdEndpoint, userspaceWireguard };
    const host = new Host(parts, name, addresses, this.#newMachine(name, place));
    const mtu = this.#options.underlay?.mtu ?? 1500;
    if (host.machine === undefined) ipSync(undefined, [`netns add ${host.netns}`]);
    ipSync(switchOf(this.name), [
      host.machine === undefined
        ? `link add ${name} mtu ${mtu} type veth peer name ${host.link} mtu ${mtu} netns ${host.netns}`
        : `tuntap add ${name} mode tap`,
      `link set ${name} mtu ${mtu} addrgenmode none master br${segment} up`,
    ]);
    return host;
  }

  #newMachine(name: string, place: number): Machine | undefined {
    const { machines = [], machineMemory, systemd = false } = this.#options;
    if (place === ETCD_PLACE || (machines !== 'all' && !machines.includes(place))) return undefined;
    return new Machine({
      name,
      netns: switchOf(this.name),
      tap: name,
      mac: `${MACHINE_MAC}${place.toString(16).padStart(2, '0')}`,
      share: join(this.directory, name),
      logs: this.machineLogs,
      systemd,
      ...(machineMemory !== undefined && { memoryMb: machineMemory }),
    });
  }

  async #setUp(host: Host, place: number, image: BootImage | undefined): Promise<void> {
    if (image !== undefined) await host.machine?.boot(image);
    await this.#setUpLink(host, place);
    await host.setSysctls({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 });
  }

  async #setUpLink(host: Host, place: number): Promise<void> {
    const segment = this.#options.segments?.[place - 1] ?? 0;
    await host.skipDad(host.link);
    await host.ipBatch([
      'link set lo up',
      `link set ${host.link} mtu ${this.#options.underlay?.mtu ?? 1500} up`,
      ...this.#prefixesOf(segment).flatMap((prefix) =>
        this.#hostCommands(prefix, place, host.link),
      ),
    ]);
  }

  #hostCommands(prefix: Prefix, place: number, link: string): string[] {
    const address = addressCommand(addressIn(prefix, BigInt(place)), lengthOf(prefix), link);
    if (this.#options.gateway === false) return [address];
    return [address, `route add default via ${addressIn(prefix, BigInt(GATEWAY_PLACE))}`];
  }

  /** The segment's prefix follows the one before it, unless it is elsewhere. */
  #prefixesOf(segment: number): Prefix[] {
    const elsewhere = this.#options.elsewhere?.[segment];
    if (elsewhere !== undefined) return prefixesIn(elsewhere);
    return this.#prefixes.map((prefix) => {
      const { first, last } = rangeOf(prefix);
      const base = addressIn(prefix, BigInt(segment) * (last - first + 1n));
      return `${base}/${lengthOf(prefix)}` as Prefix;
    });
  }
}

function prefixesIn({ v4, v6 }: LinkPrefixes): Prefix[] {
  return [v4, v6].filter((text) => text !== undefined).map(underlayPrefix);
}

function underlayPrefix(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new RangeError(`not a prefix: ${text}`);
  return prefix;
}

function addressCommand(address: Address, length: number, link: string): string {
  return `address add ${address}/${length} dev ${link}`;
}
