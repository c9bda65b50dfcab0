/** What became of questions. */
import type { DnsCounts } from './messages.ts';

/** Those of now, and connections that were not taken. */
interface Now {
  readonly waiting: number;
  readonly kept: number;
  readonly connections: number;
  readonly refused: number;
}

export class Counts {
  udp = 0;
  tcp = 0;
  own = 0;
  cached = 0;
  forwarded = 0;
  failed = 0;
  refused = 0;
  dropped = 0;
  errors = 0;

  with({ waiting, kept, connections, refused }: Now): DnsCounts {
    const { udp, tcp, own, cached, forwarded, failed, errors } = this;
    const dropped = this.dropped + refused;
    const grown = {
      udp,
      tcp,
      own,
      cached,
      forwarded,
      failed,
      refused: this.refused,
      dropped,
      errors,
    };
    return { ...grown, waiting, kept, connections };
  }
}
