/** Face of the SWIM core: memberlist's protocol without I/O. */
export type { Counts } from './counts.ts';
export type { Delegate } from './delegate.ts';
export type { Member, MemberState } from './member.ts';
export type { Members } from './members.ts';
export { LAN, WAN, type Settings } from './settings.ts';
export { Swim, type SwimOptions } from './swim.ts';
