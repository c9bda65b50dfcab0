/** A member as others are shown it. */
import type { Tags } from '../codec/index.ts';
import type { MemberStatus, SerfMemberView } from './face.ts';
import type { SerfMember } from './members.ts';
import type { Coordinates } from './vivaldi.ts';

export class View implements SerfMemberView {
  readonly name: string;
  readonly addr: Uint8Array;
  readonly port: number;
  readonly tags: Tags;
  readonly status: MemberStatus;
  readonly since: number;
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  readonly #coordinates: Coordinates;

  constructor(member: SerfMember, incarnation: number, coordinates: Coordinates) {
    this.name = member.name;
    this.addr = member.addr;
    this.port = member.port;
    this.tags = member.tags;
    this.status = member.status;
    this.since = member.since;
    this.vsn = member.vsn;
    this.incarnation = incarnation;
    this.#coordinates = coordinates;
  }

  /** Worked out when it is asked for: most changes are told to somebody who does not. */
  get rtt(): number | undefined {
    return this.#coordinates.rtt(this.name);
  }
}
