/** Face of the SWIM core: who is there, found out with others, without I/O. */
export { Swim } from '../swim0/swim.ts';
export { transmitLimit, type Counts, type SwimOptions } from '../swim0/context.ts';
export type { Delegate } from './delegate.ts';
export type { Member, MemberState } from './member.ts';
export { isLiving, type MembersView } from '../swim0/members.ts';
export { LAN, WAN, type Settings } from './settings.ts';
