/** What the core has done, for metrics: plain numbers that only grow, and the awareness score. */
export interface Counts {
  probes: number;
  /** Of these: started to confirm somebody else's suspicion. */
  confirmationProbes: number;
  probeFailures: number;
  /** Answered by stream only: packets do not seem to get through. */
  streamOnlyProbes: number;
  suspicions: number;
  /** Our own confirmations of others' suspicions. */
  confirmations: number;
  refutations: number;
  /** Whose suspicion ended here without a refutation. */
  deathsDeclared: number;
  conflicts: number;
  gossipPackets: number;
  pushPulls: number;
  pushPullFailures: number;
  /** Push/pulls with somebody of another protocol. */
  mergesRefused: number;
  /** Messages that make no sense, are meant for somebody else, or are beyond a bound. */
  ignored: number;
  stalls: number;
  /** 0 is well. */
  awareness: number;
}

export function newCounts(): Counts {
  return {
    probes: 0,
    confirmationProbes: 0,
    probeFailures: 0,
    streamOnlyProbes: 0,
    suspicions: 0,
    confirmations: 0,
    refutations: 0,
    deathsDeclared: 0,
    conflicts: 0,
    gossipPackets: 0,
    pushPulls: 0,
    pushPullFailures: 0,
    mergesRefused: 0,
    ignored: 0,
    stalls: 0,
    awareness: 0,
  };
}
