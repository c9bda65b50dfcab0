/** Directions that are closed: of halves, of one way, of single pairs. */
import type { Random } from '../../../controlplane/gossip/random.ts';
import type { Cluster } from './cluster.ts';
import type { Host } from './host.ts';
import type { Cut } from './network.ts';
import { pick } from './random.ts';

export interface NamedCut extends Cut {
  readonly name: string;
  /** Whether what one of these knows of the other may be wrong for it; not of two hosts outside. */
  concerns(a: Host, b: Host): boolean;
}

/** Share of pairs of a partial cut. */
const PARTIAL = 0.1;
/**
 * Hosts inside of a cut at most, of a large cluster: each half of 1,000 has 500 deaths to tell everybody, which takes
 * minutes of computing.
 */
const INSIDE = 50;

export function drawCut(random: Random, { members }: Cluster): NamedCut {
  const hosts = members.map(({ host }) => host);
  const most = Math.min(1, INSIDE / hosts.length);
  const kind = pick(random, ['split', 'one-way', 'partial', 'single'] as const);
  if (kind === 'partial') return partialCut(random, hosts.length, PARTIAL * most);
  const share = kind === 'single' ? 0 : random() * most;
  const inside = new Set(hosts.filter(() => random() < share));
  if (kind === 'single') inside.add(pick(random, hosts));
  const isOneWay = kind === 'one-way' || (kind === 'single' && random() < 0.5);
  const name = `${isOneWay ? 'one-way' : 'two-way'} cut around ${inside.size} hosts`;
  return {
    name,
    blocks: (from, to) => (inside.has(from) ? !inside.has(to) : !isOneWay && inside.has(to)),
    concerns: (a, b) => inside.has(a) || inside.has(b),
  };
}

function partialCut(random: Random, size: number, share: number): NamedCut {
  const closed = new Set<number>();
  for (let pair = 0; pair < size * size; pair++) if (random() < share) closed.add(pair);
  const blocks = (from: Host, to: Host): boolean => closed.has(from.index * size + to.index);
  return {
    name: `cut of ${closed.size} directions between two hosts each`,
    blocks,
    concerns: (a, b) => blocks(a, b) || blocks(b, a),
  };
}
