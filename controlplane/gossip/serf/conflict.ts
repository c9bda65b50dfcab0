/** Two members of one name: reported, and put to the vote where the name is ours (specification §20.7). */
import { decodeSerf } from '../codec/index.ts';
import type { Endpoint } from '../effects.ts';
import type { Timers } from '../timers.ts';
import { isSameEndpoint } from './addresses.ts';
import type { NameConflict, QueryHandlers, QueryOptions, RunningQuery } from './face.ts';
import { CONFLICT_QUERY } from './internal-queries.ts';

/** Names that were reported of late. At the bound the longest known is dropped, and may be reported again. */
const LIMIT = 1_024;

export interface ConflictsOptions {
  readonly name: string;
  readonly advertise: Endpoint;
  /** Between two reports on one name, in ms: every packet of gossip tells of the conflict again. */
  readonly interval: number;
  readonly timers: Timers;
  readonly ask: (name: string, options: QueryOptions, handlers: QueryHandlers) => RunningQuery;
  readonly notify: (conflict: NameConflict) => void;
}

export class Conflicts {
  readonly #options: ConflictsOptions;
  readonly #reported = new Map<string, number>();

  constructor(options: ConflictsOptions) {
    this.#options = options;
  }

  heard(name: string, other: Endpoint): void {
    const { timers, interval, notify } = this.#options;
    const before = this.#reported.get(name);
    if (before !== undefined && timers.now - before < interval) return;
    this.#reported.delete(name);
    this.#reported.set(name, timers.now);
    if (this.#reported.size > LIMIT) this.#reported.delete([...this.#reported.keys()][0] ?? '');
    if (name === this.#options.name) this.#vote(other);
    else notify({ kind: 'conflict', name, other, vote: undefined });
  }

  /** Everybody else says who has the name. With no vote at all nobody is against us. */
  #vote(other: Endpoint): void {
    const { name, advertise, ask, notify } = this.#options;
    let votes = 0;
    let ours = 0;
    const handlers: QueryHandlers = {
      answered(_, payload) {
        const response = decodeSerf(payload);
        if (!response.ok || response.value.kind !== 'conflictResponse') return;
        votes++;
        const { member } = response.value;
        if (member !== undefined && isSameEndpoint(member, advertise)) ours++;
      },
      done() {
        const lost = votes > 0 && ours < Math.floor(votes / 2) + 1;
        notify({ kind: 'conflict', name, other, vote: { ours, votes, lost } });
      },
    };
    ask(CONFLICT_QUERY, { payload: new Uint8Array(Buffer.from(name)) }, handlers);
  }
}
