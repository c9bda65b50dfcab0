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
  readonly retransmitMult: number;
  /**
   * At least so often a message is sent; with 0 in both, nothing is told. Sent s times by everybody, it goes past one
   * member with e^-s: memberlist's 4 sends of up to nine members lose one in fifty, and its 8 among 50 as many, which
   * hears it by push/pull only, up to half a minute later. With 12 it is one in thousands.
   */
  readonly transmissionsMin: number;
  readonly pushPullInterval: number;
  /** For one exchange by stream. */
  readonly streamTimeout: number;
}

const COMMON = { suspicionMaxTimeoutMult: 6, awarenessMax: 8, transmissionsMin: 12 };

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
  retransmitMult: 4,
  pushPullInterval: 60_000,
  streamTimeout: 30_000,
};

/** How often each message is sent among `size` members (specification §15), `times` as often as memberlist would. */
export function transmissions(settings: Settings, size: number, times = 1): number {
  const { transmissionsMin, retransmitMult } = settings;
  return Math.max(transmissionsMin, times * retransmitMult * Math.ceil(Math.log10(size + 1)));
}
