/** The numbers of the Serf layer. Times are in ms, sizes in bytes. */
export interface SerfSettings {
  /** How often those whose time is over are looked for. */
  readonly reapInterval: number;
  /** So long a failed member, and one that left, is kept in the table. */
  readonly failedTimeout: number;
  readonly leftTimeout: number;
  /** So long a member may be leaving; one that is here still was started anew, and that was not told. */
  readonly leavingTimeout: number;
  /** How often a lost member may be tried; see reconnect.ts. */
  readonly reconnectInterval: number;
  /** So long the endpoint of a member that failed and was forgotten is tried. */
  readonly lostTimeout: number;
  /** How long an intent about an unknown member is kept. */
  readonly intentTimeout: number;
  /** So long who left still answers. */
  readonly leaveLinger: number;
  readonly eventSizeLimit: number;
  readonly querySizeLimit: number;
  readonly responseSizeLimit: number;
  /** The default timeout of a query in gossip rounds, times ceil(log10(alive + 1)). */
  readonly queryTimeoutMult: number;
  /** Between two votes, or reports, on one name. */
  readonly conflictInterval: number;
}

const SECOND = 1_000;
const DAY = 86_400 * SECOND;

/** As Serf's, but for the reconnecting: see reconnect.ts. */
export const SERF: SerfSettings = {
  reapInterval: 15 * SECOND,
  failedTimeout: DAY,
  leftTimeout: DAY,
  leavingTimeout: 30 * SECOND,
  reconnectInterval: 5 * SECOND,
  lostTimeout: 7 * DAY,
  intentTimeout: 300 * SECOND,
  leaveLinger: SECOND,
  eventSizeLimit: 512,
  querySizeLimit: 1_024,
  responseSizeLimit: 1_024,
  queryTimeoutMult: 16,
  conflictInterval: 60 * SECOND,
};
