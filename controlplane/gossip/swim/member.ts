/** Members as the SWIM core knows them. */
import type { Endpoint } from '../effects.ts';

/** `dead`: vanished; `left`: said so itself. */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'left';

/** One record of the member table, to read. */
export interface Member extends Endpoint {
  readonly name: string;
  readonly meta: Uint8Array;
  /** PMin, PMax, PCur, DMin, DMax, DCur. */
  readonly vsn: Uint8Array;
  readonly incarnation: number;
  readonly state: MemberState;
  /** When it came into this state, in ms awake. */
  readonly since: number;
}
