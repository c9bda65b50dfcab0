/** The addresses of this host in networks that users have made, with the machine's own means: etcd, gossip, the clock. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import {
  GIVE_QUESTION,
  giveAnswer,
  giveIn,
  givenIn,
  giveQuestion,
} from '../../controlplane/api/network-questions.ts';
import { decodeEndpoint, ENDPOINT_KIND } from '../../controlplane/names/index.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { addressFromBytes, parseAddress, type Address } from '../ip/address.ts';
import { AddressClaims } from '../network/address-claims.ts';
import { EtcdAddressRegistry } from '../network/address-registry.ts';
import type { Holder } from '../network/claim-value.ts';
import type { Daemon } from './daemon.ts';
import { machineClock, machineRandom, machineUptime } from './machine.ts';

export function claimsOf(daemon: Daemon, etcd: EtcdClient, log: Logger): AddressClaims {
  const { config, node, membership, networks } = daemon;
  const own = { host: node, name: membership?.name ?? hostname() };
  const claims = new AddressClaims({
    registry: new EtcdAddressRegistry(etcd, config.networks.etcdPrefix),
    own,
    networks,
    graceMs: config.networks.addressGraceMs,
    endpointAt: (network, address) => endpointAt(daemon, network, address),
    askFor: async (id, address, holder) => await askFor(daemon, id, address, holder),
    clock: machineClock,
    uptime: machineUptime,
    random: machineRandom,
    lost: lossesOf(daemon, log),
  });
  membership?.answerTo(GIVE_QUESTION, async (payload) => {
    const asked = giveIn(payload);
    const address = parseAddress(asked?.address ?? '');
    if (asked?.host !== node || address === undefined) return undefined;
    const owner = await claims.give(asked.id, address);
    const name =
      owner === undefined ? '' : (daemon.endpoints.attachments.get(owner)?.names[0] ?? owner);
    return giveAnswer({ given: owner === undefined, endpoint: name });
  });
  return claims;
}

/** Told as long as the endpoint is there. */
function lossesOf(daemon: Daemon, log: Logger): (endpoint: string, why: string) => void {
  const losses = new Map<string, string>();
  const tell = (): void => {
    const problems = [...losses].map(([id, why]) => ({
      code: 'ENDPOINT_ADDRESS',
      message: `endpoint ${id} is not as it should be: ${why}`,
      subject: id,
    }));
    for (const { message } of daemon.board.set('claims', problems)) log.warn(message);
  };
  return (endpoint, why) => {
    if (losses.size === 0)
      daemon.endpoints.onChange((id) => {
        if (daemon.endpoints.attachments.get(id) === undefined && losses.delete(id)) tell();
      });
    losses.set(endpoint, why);
    tell();
  };
}

function endpointAt({ membership }: Daemon, network: string, address: Address): string | undefined {
  for (const { owner, key, payload } of membership?.records(ENDPOINT_KIND) ?? []) {
    const said = decodeEndpoint(key, payload);
    if (said?.network !== network) continue;
    if (said.addresses.some((bytes) => addressFromBytes(bytes) === address))
      return `${said.names[0] ?? said.id} on ${owner}`;
  }
  return undefined;
}

/** Who has it there, in words; undefined: it was given up. */
async function askFor(
  { membership }: Daemon,
  id: string,
  address: Address,
  { host, name }: Holder,
): Promise<string | undefined> {
  const member = membership?.member;
  const there = [...(member?.members() ?? [])].find((each) => each.name === name);
  if (member === undefined || there?.status !== 'alive')
    return `host ${name}, which does not answer; it comes back when that host has been away for its grace time`;
  const answers = await member.ask(GIVE_QUESTION, [name], giveQuestion({ id, address, host }));
  const given = givenIn(answers.get(name) ?? new Uint8Array());
  if (answers.get(name) === undefined || given === undefined)
    return `host ${name}, which did not answer`;
  return given.given ? undefined : `${given.endpoint} on ${name}`;
}
