/** What is told of senders whose messages are not taken. */
import type { Reason } from '../codec/index.ts';

const OTHER_KEY = 'it has another key, or none: give all members the same keys';

const CAUSES: Partial<Record<Reason, string>> = {
  undecryptable: OTHER_KEY,
  'not-encrypted': 'it does not encrypt, and we do: give all members the same keys',
  encrypted: 'it encrypts, and we have no key: give all members the same keys',
  'wrong-label': 'it belongs to another cluster: give all members of one cluster the same label',
};

/** One sentence for all of a cause, so that a sender is told about once for each. */
export function refusalMessage(address: string, reason: Reason): string {
  const cause = CAUSES[reason] ?? `it is no gossip that we understand (${reason})`;
  return `what ${address} sends is not taken: ${cause}`;
}
