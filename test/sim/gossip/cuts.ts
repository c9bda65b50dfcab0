/** Directions that are closed: of halves, of one way, of single pairs. */
import type { Random } from '../../../controlplane/gossip/random.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import type { Cut } from './network.ts';
import { pick } from './random.ts';

interface NamedCut extends Cut {
  readonly name: string;
}

/** Share of pairs of a partial cut. */
const PARTIAL = 0.1;

export function drawCut(random: Random, { members }: Cluster): NamedCut {
  const hosts = members.map(({ host }) => host);
  const kind = pick(random, ['split', 'one-way', 'partial', 'single'] as const);
  if (kind === 'partial') return partialCut(random, hosts.length);
  const share = kind === 'single' ? 0 : random();
  const inside = new Set(hosts.filter(() => random() < share));
  if (kind === 'single') inside.add(pick(random, hosts));
  const isOneWay = kind === 'one-way' || (kind === 'single' && random() < 0.5);
  const name = `${isOneWay ? 'one-way' : 'two-way'} cut around ${inside.size} hosts`;
  return {
    name,
    blocks: (from, to) => (inside.has(from) ? !inside.has(to) : !isOneWay && inside.has(to)),
  };
}

function partialCut(random: Random, size: number): NamedCut {
  const closed = new Set<number>();
  for (let pair = 0; pair < size * size; pair++) if (random() < PARTIAL) closed.add(pair);
  return {
    name: `cut of ${closed.size} directions between two hosts each`,
    blocks: (from: Host, to: Host) => closed.has(from.index * size + to.index),
  };
}
