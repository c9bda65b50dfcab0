/** Face of the SWIM core: memberlist's protocol without I/O. */
export type { Delegate } from './delegate.ts';
export type { Member, MemberState } from './member.ts';
export { LAN, transmissions, type Settings } from './settings.ts';
export { Swim } from './swim.ts';
