/** What theory says of N members: the model that Serf's makers publish, and the bounds that follow from the protocol. */
import type { Settings } from '../../../controlplane/gossip/swim/settings.ts';

/** Of those who know after `rounds`, one knowing at first (https://developer.hashicorp.com/serf/docs/internals/simulator). */
export function shareInformed(
  size: number,
  rounds: number,
  { fanOut = 3, loss = 0, failed = 0 } = {},
): number {
  const contact = (fanOut * (1 - loss) * (1 - failed)) / 2;
  return 1 / (1 + (size + 1) * Math.exp(-contact * rounds));
}

/** Ms until the model has that share informed, in whole rounds. */
export function timeToInform(size: number, share: number, settings: Settings, loss = 0): number {
  let rounds = 0;
  while (shareInformed(size, rounds, { fanOut: settings.gossipNodes, loss }) < share) rounds++;
  return rounds * settings.gossipInterval;
}

/** Suspicion's shortest time in ms (specification §13). */
export function suspicionMin(size: number, settings: Settings): number {
  return settings.suspicionMult * Math.max(1, Math.log10(size)) * settings.probeInterval;
}

/** Its longest, when nobody confirms it. */
export function suspicionMax(size: number, settings: Settings): number {
  return settings.suspicionMaxTimeoutMult * suspicionMin(size, settings);
}

/** Ms between two push/pulls of a member (specification §16). */
export function pushPullInterval(size: number, { pushPullInterval }: Settings): number {
  return pushPullInterval * (size <= 32 ? 1 : Math.ceil(Math.log2(size / 32)) + 1);
}

/** A chance that we take for never. */
const NEVER = 1e-6;

/**
 * Ms until all the living know of a death, at the latest:
 *
 * - Somebody probes it. Each member probes one of N per interval, so nobody has after t intervals with a chance of
 *   (1 − 1/N)^(N·t) ≈ e^−t. Whoever is in doubt of itself (awareness) probes less often, by up to awarenessMax; that
 *   all of them do is not what happens, so it counts once.
 * - The probe fails after one interval, stretched by the awareness of the one who probes.
 * - The suspicion ends, confirmed or not, after its longest time.
 * - The news reaches all: twice the model's time until less than one of a thousand clusters has somebody left out.
 */
export function detectionBound(size: number, settings: Settings, loss = 0): number {
  const unprobed = Math.log(1 / NEVER) * settings.probeInterval;
  const failing = settings.awarenessMax * settings.probeInterval;
  const spreading = 2 * timeToInform(size, 1 - NEVER / size, settings, loss);
  return unprobed + failing + suspicionMax(size, settings) + spreading;
}
