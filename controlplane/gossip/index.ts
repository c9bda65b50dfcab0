/** Face of gossip: who is there, what they say of themselves, and records of all hosts at every host. */
export { startGossip, type GossipAgent, type GossipCounts, type GossipMember } from './agent.ts';
export type { NodeEvent } from './node.ts';
export { SERF, type KeyOperation, type KeyResult, type SerfSettings } from './serf/index.ts';
export { GossipError } from './shell/error.ts';
export { parseKey } from './shell/key-file.ts';
export type { GossipOptions } from './shell/options.ts';
export { LAN, type Settings } from './swim/settings.ts';
