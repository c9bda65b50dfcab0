/** Face of the Serf layer. Pure; it owns the SWIM core and is its delegate. */
export type {
  IncomingQuery,
  JoinResult,
  KeyOperation,
  KeyResult,
  MemberStatus,
  NameConflict,
  QueryHandlers,
  QueryOptions,
  RunningQuery,
  SerfEvent,
  SerfMemberView,
} from './face.ts';
export { SERF, type SerfSettings } from './settings.ts';
export { parseRemembered, type Remembered } from './snapshot.ts';
export { Serf } from './serf.ts';
