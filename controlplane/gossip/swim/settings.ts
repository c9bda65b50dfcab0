/** The numbers of the protocol; memberlist's profiles. Times are in ms. */
export interface Settings {
  readonly probeInterval: number;
  /** How long a direct ping may take before others are asked. */
  readonly probeTimeout: number;
  /** How many are asked. */
  readonly indirectChecks: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  /** Bound of the awareness score, exclusive. */
  readonly awarenessMax: number;
  readonly gossipInterval: number;
  readonly gossipNodes: number;
  /** So long after its death a member is still sent gossip, and then forgotten. */
  readonly gossipToTheDead: number;
  /**
   * So long after its death a member may come back at another address; 0: never, until it is forgotten. memberlist's
   * default is 0, but in a large cluster it is long until the dead are forgotten. As gossipToTheDead it does what
   * memberlist in a small cluster does, and what Consul sets.
   */
  readonly deadNodeReclaim: number;
  /**
   * So long after its death a member's name may be taken from another address, when the record is still there.
   * memberlist has 0 for never, and forgets the record after gossipToTheDead.
   */
  readonly deadReclaim: number;
  readonly retransmitMult: number;
  readonly pushPullInterval: number;
  /** For one exchange by stream. */
  readonly streamTimeout: number;
}

const COMMON = { suspicionMaxTimeoutMult: 6, awarenessMax: 8 };

export const LAN: Settings = {
  ...COMMON,
  probeInterval: 1_000,
  probeTimeout: 500,
  indirectChecks: 3,
  suspicionMult: 4,
  gossipInterval: 200,
  gossipNodes: 3,
  gossipToTheDead: 30_000,
  deadNodeReclaim: 30_000,
  deadReclaim: 30_000,
  retransmitMult: 4,
  pushPullInterval: 30_000,
  streamTimeout: 10_000,
};

export const WAN: Settings = {
  ...COMMON,
  probeInterval: 5_000,
  probeTimeout: 3_000,
  indirectChecks: 3,
  suspicionMult: 6,
  gossipInterval: 500,
  gossipNodes: 4,
  gossipToTheDead: 60_000,
  deadNodeReclaim: 60_000,
  deadReclaim: 60_000,
  retransmitMult: 4,
  pushPullInterval: 60_000,
  streamTimeout: 30_000,
};
