/** A key in etcd that this host wants, or has. */
import type { Prefix } from '../ip/prefix.ts';
import type { Lease, PerFamily } from '../state/facts.ts';
import type { LeaseId } from './registry.ts';

export interface Claim {
  readonly key: string;
  readonly subnets: PerFamily<Prefix>;
  /** The key's revision as last seen; 0 when it does not exist. */
  modRevision: number;
  /** Undefined: none yet, or gone. */
  lease: LeaseId | undefined;
  /** We have put our value there. */
  confirmed: boolean;
  /** The table says otherwise, and an answer that will tell is on its way. */
  inDoubt: boolean;
  /** On our clock: the lease lives at least until then. */
  expiresAt: number;
  /** What the key said of us before we first wrote to it. */
  readonly reused: Lease | undefined;
}

/** Not written to yet. */
export function newClaim(
  of: Pick<Claim, 'key' | 'subnets' | 'modRevision' | 'lease' | 'reused'>,
): Claim {
  return { ...of, confirmed: false, inDoubt: false, expiresAt: 0 };
}
