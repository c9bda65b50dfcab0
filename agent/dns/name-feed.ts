/**
 * What the DNS thread is told of names: records and members of the gossip, as changes. Those of one thing that come
 * within one turn are one, so that what waits is bounded by what there is. Pure.
 */
import {
  decodeEndpoint,
  decodeName,
  ENDPOINT_KIND,
  isName,
  NAME_KIND,
} from '../../controlplane/names/index.ts';
import type { MemberChange, MemberView, RecordChange, RecordView } from '../gossip/member.ts';
import { addressToBytes } from '../ip/address.ts';
import { partsOf } from '../ip/socket-address.ts';
import type { NameChange } from './messages.ts';

export class NameFeed {
  readonly #waiting = new Map<string, NameChange>();
  readonly #soon: () => void;
  /** Records that did not hold. */
  refused = 0;

  /** `soon` is called when something waits that did not before: then `take`. */
  constructor(soon: () => void) {
    this.#soon = soon;
  }

  record({ before, after }: RecordChange): void {
    const change = after === undefined ? undefined : this.#changeOf(after);
    const gone = before ?? after;
    if (change !== undefined) this.#add(change);
    // What was said before counts no more, even if what is said now does not hold.
    else if (gone !== undefined && isKind(gone.kind))
      this.#add({ kind: gone.kind, owner: gone.owner, key: gone.key });
  }

  member(change: MemberChange): void {
    if (change.type === 'present') this.#add(hostOf(change.member));
    else this.#add({ kind: 'host', owner: change.name, name: '' });
  }

  take(): readonly NameChange[] {
    const changes = [...this.#waiting.values()];
    this.#waiting.clear();
    return changes;
  }

  #changeOf({ owner, kind, key, payload }: RecordView): NameChange | undefined {
    if (!isKind(kind)) return undefined;
    const change =
      kind === ENDPOINT_KIND
        ? withValue({ kind, owner, key }, decodeEndpoint(key, payload))
        : withValue({ kind, owner, key }, decodeName(key, payload));
    if (change === undefined) this.refused++;
    return change;
  }

  #add(change: NameChange): void {
    if (this.#waiting.size === 0) this.#soon();
    const key = change.kind === 'host' ? '' : change.key;
    this.#waiting.set(`${change.kind} ${change.owner} ${key}`, change);
  }
}

type Kind = typeof ENDPOINT_KIND | typeof NAME_KIND;

function isKind(kind: string): kind is Kind {
  return kind === ENDPOINT_KIND || kind === NAME_KIND;
}

function withValue<T extends object, V>(
  what: T,
  value: V | undefined,
): (T & { value: V }) | undefined {
  return value === undefined ? undefined : { ...what, value };
}

/** One that failed or left is gone at once: its records stay a while, in case it is back. */
function hostOf({ name, address, status }: MemberView): NameChange {
  const lower = name.toLowerCase();
  const isHere = status === 'alive' || status === 'leaving';
  const host = { kind: 'host', owner: name, name: lower } as const;
  if (!isHere) return host;
  // Without a name that DNS can have, it has no address there; what it says counts.
  return { ...host, value: isName(lower) ? [addressToBytes(partsOf(address).address)] : [] };
}
