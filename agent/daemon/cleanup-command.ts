/** `weftd cleanup`: lists everything weft owns on this host, removes it when told to, and says what stays. */
import { existsSync, rmdirSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { listenerOn } from '../../controlplane/api/socket.ts';
import type { Config } from '../config/config.ts';
import { readNodeId } from '../config/node-id.ts';
import { wireguardKeyFiles } from '../config/wireguard-key.ts';
import { ResolverFiles } from '../endpoint/resolver.ts';
import { endpointDirectoryIn, EndpointStore } from '../endpoint/store.ts';
import { inOrder } from '../state/diff.ts';
import type { Kernel, Operation } from '../state/kernel.ts';
import { describe, type Resource } from '../state/resource.ts';
import type { Netlink } from '../kernel/netlink/netlink.ts';
import { EtcdClient } from '../etcd/client.ts';
import { EtcdRegistry } from '../subnet/registry.ts';
import { releaseLeases } from '../subnet/release.ts';
import { sayFarewell } from '../gossip/farewell.ts';
import { openMember } from '../gossip/open-member.ts';
import { resolverPlaces } from './endpoints.ts';
import { findUnderlay } from './find-underlay.ts';
import { openHostKernel, type HostKernel } from './host-kernel.ts';
import { keptNetworkFileIn } from './kept-network.ts';
import { machineClock } from './machine.ts';
import { memberName, snapshotIn } from './membership-of.ts';

export interface CleanupWishes {
  /** Do not ask. */
  readonly yes: boolean;
  /** Also give the lease in etcd back. */
  readonly releaseLease: boolean;
}

/** Returns the exit code: 0 when nothing of weft's is left. */
export async function cleanup(config: Config, wishes: CleanupWishes): Promise<number> {
  if (await isRunning(config.socket)) {
    const place = `this host (${config.socket})`;
    return complain(`weftd runs on ${place} and would put everything back: stop it first`);
  }
  const host = openHostKernel(config);
  try {
    const owned = await ownedBy(host.kernel);
    const files = filesOf(config, owned);
    process.stdout.write(listing(owned, files));
    if (owned.length + files.length === 0 && !wishes.releaseLease) return 0;
    const refusal = wishes.yes ? undefined : await askForRefusal();
    if (refusal !== undefined) return complain(refusal);
    // Before its file is removed, which says whom to tell.
    const isTold = wishes.releaseLease && (await leaveGossip(config, host.netlink));
    removeResolvers(config);
    const failures = [...(await remove(host.kernel, owned)), ...files.flatMap(removeFile)];
    removeIfEmpty(config.runDir);
    removeIfEmpty(endpointDirectoryIn(config.stateDir));
    for (const failure of failures) complain(failure);
    if (failures.length > 0) return 1;
    const released = wishes.releaseLease ? await release(config, host.netlink) : undefined;
    process.stdout.write(farewell(config, released));
    if (isTold) process.stdout.write('the other members know that this host is gone for good\n');
    return 0;
  } finally {
    await host.close();
  }
}

/** One that is stopped by a signal or overloaded does not answer, yet goes on some time. */
async function isRunning(socket: string): Promise<boolean> {
  const listener = await listenerOn(socket);
  return listener.state === 'live' || listener.code === 'ETIMEDOUT';
}

/** What a dump without any wish of ours tells is what carries our marks. */
async function ownedBy(kernel: Kernel): Promise<Resource[]> {
  const owned: Resource[] = [];
  for await (const slice of kernel.dump(new Set())) owned.push(...slice);
  return owned;
}

/** subnet.env bears no mark: without anything of ours in the kernel it may be flanneld's. */
function filesOf({ subnetFile, socket, stateDir }: Config, owned: readonly Resource[]): string[] {
  const keys = wireguardKeyFiles(stateDir);
  const endpoints = new EndpointStore(stateDir).paths();
  const kept = [snapshotIn(stateDir), ...keys, keptNetworkFileIn(stateDir), ...endpoints];
  return [...(owned.length > 0 ? [subnetFile] : []), socket, ...kept].filter((path) =>
    existsSync(path),
  );
}

/** Returns what could not be removed, a sentence each. */
async function remove(kernel: Kernel, owned: readonly Resource[]): Promise<string[]> {
  const operations = inOrder(owned.map((actual): Operation => ({ action: 'remove', actual })));
  const outcomes = await kernel.apply(operations);
  return outcomes.flatMap((outcome, i) => {
    const actual = operations[i]?.actual;
    if (outcome.status === 'done' || actual === undefined) return [];
    const why = outcome.status === 'failed' ? outcome.message : `${outcome.found} is not weft's`;
    return `${describe(actual)} was not removed: ${why}`;
  });
}

/** Before the files go that tell of them. */
function removeResolvers(config: Config): void {
  const resolvers = new ResolverFiles(resolverPlaces(config));
  for (const endpoint of new EndpointStore(config.stateDir).peek()) resolvers.remove(endpoint);
}

function removeFile(path: string): string[] {
  try {
    rmSync(path, { force: true });
    return [];
  } catch (cause) {
    return [`file ${path} was not removed: ${(cause as Error).message}`];
  }
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Others' files are in it, or it is not there.
  }
}

function listing(owned: readonly Resource[], files: readonly string[]): string {
  const lines = [...owned.map(describe), ...files.map((file) => `file ${file}`)];
  if (lines.length === 0) return 'weft owns nothing on this host\n';
  return `weft owns on this host:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

/** Gives back what this host's node id and one of its addresses stand in. Rejects with an EtcdError. */
async function release(config: Config, netlink: Pick<Netlink, 'readAddresses'>): Promise<string[]> {
  const node = readNodeId(config.stateDir);
  if (node === undefined) return [];
  const own = (await netlink.readAddresses()).map(({ address }) => address);
  const published = Object.values(config.underlay.publicAddresses);
  const etcd = new EtcdClient(config.etcd);
  try {
    const registry = new EtcdRegistry(etcd, config.etcd.prefix);
    return await releaseLeases(registry, node, new Set([...own, ...published]));
  } finally {
    etcd.close();
  }
}

async function leaveGossip(
  { gossip, underlay, stateDir }: Config,
  netlink: HostKernel['netlink'],
): Promise<boolean> {
  const snapshotFile = snapshotIn(stateDir);
  if (gossip === undefined || !existsSync(snapshotFile)) return false;
  return sayFarewell({
    config: gossip,
    underlay,
    name: memberName(gossip),
    snapshotFile,
    find: (config, families) => findUnderlay(netlink, config, families),
    open: openMember,
    clock: machineClock,
  });
}

/** `released`: the keys of the leases given back; undefined when that was not asked for. */
function farewell({ stateDir, etcd }: Config, released: readonly string[] | undefined): string {
  const lease = `this host's lease under ${etcd.prefix}/subnets in etcd`;
  const lines = ['removed'];
  if (released === undefined) lines.push(`what stays: ${lease}, until it expires`);
  else lines.push(...released.map((key) => `given back: ${key}`));
  if (released?.length === 0) lines.push('there was no lease of this host in etcd');
  if (readNodeId(stateDir) !== undefined)
    lines.push(`what stays: the identity of this host, ${stateDir}/node-id`);
  return lines.map((line) => `${line}\n`).join('');
}

/** Undefined when whoever sits at the terminal wants it. */
async function askForRefusal(): Promise<string | undefined> {
  if (!process.stdin.isTTY) return 'nothing was removed: give --yes to remove it all';
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Ctrl-D and Ctrl-C close it without an answer.
  const closed = new Promise<string>((resolve) => terminal.once('close', () => resolve('')));
  const question = 'Remove all of it? Containers of this host lose the overlay. [y/N] ';
  const answer = await Promise.race([terminal.question(question), closed]);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim()) ? undefined : 'nothing was removed';
}

function complain(sentence: string): 1 {
  process.stderr.write(`weftd: ${sentence}\n`);
  return 1;
}
