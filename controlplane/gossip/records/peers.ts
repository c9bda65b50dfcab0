/** The other members that keep records: who is there, and whose records are to go. */
import type { Endpoint } from '../effects.ts';
import type { SerfMemberView } from '../serf/face.ts';
import type { Timer, Timers } from '../timers.ts';

/** The tag of weft's members; its value is the version of the record protocol. */
const TAG = 'weft';

interface Leaving extends Timer {
  readonly at: number;
}

export interface PeersOptions {
  readonly timers: Timers;
  /** In ms; see RecordSettings. */
  readonly leftGrace: number;
  readonly failedGrace: number;
  readonly appeared: (name: string) => void;
  /** It is gone for longer than its grace. */
  readonly expired: (name: string) => void;
}

export class Peers {
  readonly #options: PeersOptions;
  readonly #present = new Map<string, Endpoint>();
  readonly #leaving = new Map<string, Leaving>();

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  get present(): ReadonlyMap<string, Endpoint> {
    return this.#present;
  }

  changed(view: SerfMemberView): void {
    const isThere = view.status === 'alive' || view.status === 'leaving';
    if (isThere && view.tags.has(TAG)) this.#appear(view);
    else this.#vanish(view);
  }

  #appear({ name, addr, port }: SerfMemberView): void {
    this.#leaving.get(name)?.cancel();
    this.#leaving.delete(name);
    const isNew = !this.#present.has(name);
    this.#present.set(name, { addr, port });
    if (isNew) this.#options.appeared(name);
  }

  /** One timer for each that was here, so no more than there are members. A shorter grace takes the longer's place. */
  #vanish({ name, status }: SerfMemberView): void {
    const { timers, leftGrace, failedGrace, expired } = this.#options;
    const leaving = this.#leaving.get(name);
    if (!this.#present.delete(name) && leaving === undefined) return;
    const grace = status === 'failed' ? failedGrace : leftGrace;
    const at = timers.now + grace;
    if (leaving !== undefined && leaving.at <= at) return;
    leaving?.cancel();
    const timer = timers.after(grace, () => {
      this.#leaving.delete(name);
      expired(name);
    });
    this.#leaving.set(name, { at, cancel: () => timer.cancel() });
  }
}
