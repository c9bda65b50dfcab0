/** Face of the SWIM core: who is there, found out with others, without I/O. */
export { Swim } from './swim.ts';
export { transmitLimit, type Counts, type SwimOptions } from './context.ts';
export type { Delegate } from './delegate.ts';
export type { Member, MemberState } from './member.ts';
export { isLiving, type MembersView } from './members.ts';
export { LAN, WAN, type Settings } from './settings.ts';
