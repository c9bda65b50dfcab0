/** The networks that users have made, with the machine's own means: etcd, files, gossip, and the daemon's facts. */
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import {
  PREFIX_LIMIT,
  prefixesIn,
  ROUTES_QUESTION,
  routesAnswer,
  routesIn,
  routesQuestion,
  type OverlappingRoute,
} from '../../controlplane/api/network-questions.ts';
import { decodeEndpoint, ENDPOINT_KIND } from '../../controlplane/names/index.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { lengthOf, overlaps, parsePrefix, type Prefix } from '../ip/prefix.ts';
import type { Occupied } from '../network/choice.ts';
import { holderIn } from '../network/claim-value.ts';
import { Networks, type Neighbourhood, type RouteReport } from '../network/networks.ts';
import { EtcdNetworkRegistry } from '../network/registry.ts';
import { NetworkStore } from '../network/store.ts';
import { weftHostsOf } from './cluster-handlers.ts';
import type { Daemon } from './daemon.ts';
import { machineClock, machineRandom } from './machine.ts';

export function networksOf(daemon: Daemon, etcd: EtcdClient, log: Logger): Networks {
  const { config, board } = daemon;
  const networks: Networks = new Networks({
    registry: new EtcdNetworkRegistry(etcd, config.networks.etcdPrefix),
    store: new NetworkStore(config.stateDir),
    pools: config.networks.pools,
    neighbourhood: () => neighbourhoodOf(daemon),
    routesOver: async (prefixes) => await routesOver(daemon, prefixes),
    endpointsIn: (name) => endpointsIn(daemon, name),
    holdersIn: (values) => [...new Set(values.map((value) => holderIn(value)?.name ?? 'a host'))],
    clock: machineClock,
    random: machineRandom,
    now: () => new Date(),
    log,
    troubled: () => {
      const problems = [...networks.problems].map(([name, why]) => ({
        code: 'NETWORK_DEFINITION',
        message: `the network ${name} is not as it stands in etcd: ${why}; remove its key, or put it right`,
        subject: name,
      }));
      for (const { message } of board.set('networks', problems)) log.warn(message);
    },
  });
  return networks;
}

function neighbourhoodOf({ network }: Daemon): Neighbourhood {
  const leased = Object.values(network?.ranges ?? {}).map(({ network: prefix }) => ({
    prefix,
    what: `the leased range of all hosts (${prefix})`,
  }));
  const { options } = network?.backend ?? { options: {} };
  const [, vni] = Object.entries(options).find(([name]) => name.toLowerCase() === 'vni') ?? [];
  return { leased, meshVnis: typeof vni === 'number' ? [vni] : [] };
}

/** `web on h1`, of every host that gossip knows. */
function endpointsIn({ membership, endpoints }: Daemon, network: string): string[] {
  const mine = membership?.name ?? hostname();
  const own = [...endpoints.attachments.list()]
    .filter((endpoint) => endpoint.network === network)
    .map(({ id, names }) => `${names[0] ?? id} on ${mine}`);
  const others = [...(membership?.records(ENDPOINT_KIND) ?? [])].flatMap((record) => {
    const said = record.owner === mine ? undefined : decodeEndpoint(record.key, record.payload);
    if (said?.network !== network) return [];
    return [`${said.names[0] ?? said.id} on ${record.owner}`];
  });
  return [...own, ...others];
}

/** From now on other hosts are answered. */
export function answerRoutes(daemon: Daemon): void {
  daemon.membership?.answerTo(ROUTES_QUESTION, async (payload) => {
    const asked = prefixesIn(payload)?.slice(0, PREFIX_LIMIT) ?? [];
    const prefixes = asked.map(parsePrefix).filter((prefix) => prefix !== undefined);
    return routesAnswer(await ownRoutes(daemon, prefixes).catch(() => []));
  });
}

/** Routes that others have made on this host. Default routes lead everywhere, and are in nobody's way. Rejects with a KernelError. */
export async function ownRoutes(
  { host: { netlink }, networks }: Daemon,
  prefixes: readonly Prefix[],
): Promise<OverlappingRoute[]> {
  const own = new Set([...networks.list()].map(({ vni }) => `weft-${vni}`));
  const routes = (await netlink.readRoutes()).filter(
    ({ prefix, link }) =>
      lengthOf(prefix) > 0 && !own.has(link) && prefixes.some((each) => overlaps(each, prefix)),
  );
  const told = new Map(routes.map(({ prefix, link }) => [prefix, { prefix, link }]));
  return [...told.values()];
}

async function routesOver(daemon: Daemon, prefixes: readonly Prefix[]): Promise<RouteReport> {
  const { membership } = daemon;
  const mine = membership?.name ?? hostname();
  const own = occupied(mine, await ownRoutes(daemon, prefixes).catch(() => []));
  const member = membership?.member;
  if (member === undefined) return { routes: own, silent: [], isCut: false };
  const hosts = weftHostsOf(member).filter(({ status, mine }) => status !== 'left' && !mine);
  const expected = hosts.filter(({ status }) => status === 'alive').map(({ name }) => name);
  if (hosts.length === 0) return { routes: own, silent: [], isCut: false };
  const question = routesQuestion(prefixes.slice(0, PREFIX_LIMIT));
  const answers = await member.ask(ROUTES_QUESTION, expected, question);
  const read = hosts.map(({ name }) => [name, routesIn(answers.get(name) ?? NONE)] as const);
  return {
    routes: [...own, ...read.flatMap(([name, answer]) => occupied(name, answer?.routes ?? []))],
    silent: read.filter(([name]) => !answers.has(name)).map(([name]) => name),
    isCut: prefixes.length > PREFIX_LIMIT || read.some(([, answer]) => answer?.cut === true),
  };
}

const NONE = new Uint8Array();

function occupied(host: string, routes: readonly OverlappingRoute[]): Occupied[] {
  return routes.flatMap(({ prefix: text, link }) => {
    const prefix = parsePrefix(text);
    if (prefix === undefined || lengthOf(prefix) === 0) return [];
    return [{ prefix, what: `the route ${prefix} (${link}) of host ${host}` }];
  });
}
