/** How the network and the hosts are all along one scenario. */
import type { Random } from '../../../controlplane/gossip/random.ts';
import type { Cluster } from './cluster.ts';
import { CALM, type Conditions } from './network.ts';
import { between, pick } from './random.ts';

export interface Weather {
  readonly name: string;
  readonly loss: number;
  /** Packets get lost, or hosts are slow: what must hold within seconds otherwise may take longer. */
  readonly isHard: boolean;
  /** Members that failed or left are forgotten soon. */
  readonly forgetful: boolean;
  readonly drift: number;
  apply(cluster: Cluster, random: Random): void;
  end(cluster: Cluster): void;
}

const WAN: Conditions = { ...CALM, delay: 20, jitter: 10 };

const NETWORKS: Readonly<Record<string, Conditions>> = {
  calm: CALM,
  far: WAN,
  unordered: { ...WAN, reordering: 0.2, holdUp: 300, duplication: 0.1 },
  lossy: { ...CALM, loss: 0.05 },
  bad: { ...WAN, loss: 0.3, reordering: 0.1, holdUp: 200, duplication: 0.05 },
};

/** Ms of a turn of a slow host's event loop: some just below what counts as a stall. */
const SLOW = [20, 250] as const;

export function drawWeather(random: Random): Weather {
  const network = pick(random, ['calm', 'calm', 'far', 'unordered', 'lossy', 'bad']);
  const slow = random() < 0.3 ? 0.1 : 0;
  return weatherOf(network, {
    slow,
    forgetful: random() < 0.4,
    drift: pick(random, [0, 1e-4, 0.01]),
  });
}

export function weatherOf(
  network: string,
  { slow = 0, forgetful = false, drift = 0 } = {},
): Weather {
  const conditions = NETWORKS[network] ?? CALM;
  const name = [
    `${network} network`,
    ...(slow > 0 ? ['slow hosts'] : []),
    ...(forgetful ? ['soon forgotten'] : []),
    `drift ${drift}`,
  ].join(', ');
  return {
    name,
    loss: conditions.loss,
    isHard: conditions.loss > 0 || slow > 0,
    forgetful,
    drift,
    apply: (cluster, random) => {
      cluster.network.conditions = conditions;
      for (const { host } of cluster.members)
        if (random() < slow) host.turn = between(random, ...SLOW);
    },
    end: (cluster) => {
      cluster.network.conditions = CALM;
      for (const { host } of cluster.members) host.turn = 0;
    },
  };
}
