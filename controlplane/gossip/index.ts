/** Face of gossip: who is there, what they say of themselves, and records of all hosts at every host. */
export { startGossip, type GossipAgent, type GossipCounts, type GossipMember } from './agent.ts';
export type { Keyring, Tags } from './codec/index.ts';
export type { Endpoint } from './effects.ts';
export { addressBytes, addressText, endpointText } from './net/index.ts';
export type { Change, GossipRecord, NodeEvent } from './node.ts';
export {
  SERF,
  type JoinResult,
  type KeyAnswer,
  type KeyOperation,
  type KeyResult,
  type MemberChange,
  type MemberStatus,
  type QueryHandlers,
  type QueryOptions,
  type RunningQuery,
  type SerfEvent,
  type SerfMemberView,
  type SerfSettings,
} from './serf/index.ts';
export { GossipError, type GossipErrorCode } from './shell/error.ts';
export { formatKeyFile, parseKey } from './shell/key-file.ts';
export { DEFAULT_PORT, type GossipLog, type GossipOptions } from './shell/options.ts';
export { parseHostPort } from './shell/places.ts';
export type { GossipProblem } from './shell/problems.ts';
export { LAN, WAN, type Settings } from './swim/settings.ts';
