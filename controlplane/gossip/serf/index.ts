/** Face of the Serf layer. Pure; it owns the SWIM core and is its delegate. */
export type {
  Extension,
  IncomingQuery,
  JoinResult,
  KeyAnswer,
  KeyOperation,
  KeyResult,
  MemberChange,
  MemberStatus,
  NameConflict,
  QueryHandlers,
  QueryOptions,
  RunningQuery,
  SerfCounts,
  SerfEvent,
  SerfMemberView,
  UserEvent,
} from './face.ts';
export type { SerfOptions } from './options.ts';
export { SERF, type SerfSettings } from './settings.ts';
export { parseRemembered, type ParsedRemembered, type Remembered } from './snapshot.ts';
export { Serf } from './serf.ts';
