/** The table of leases as the control API tells it. */
import type { Lease as ApiLease } from '../../controlplane/api/model.ts';
import { familiesOf } from '../backend/backend.ts';
import type { PerFamily } from '../state/facts.ts';
import type { Row } from '../subnet/leases.ts';
import { NO_LEASE } from '../subnet/registry.ts';

export interface OwnKey {
  readonly key: string;
  /** Absent when reserved. */
  readonly expires?: Date;
}

/** `note`: what the service finds wrong or odd about the key; `inForce`: whether it has its part in the kernel. */
export function apiLease(
  row: Row,
  own: OwnKey | undefined,
  inForce: boolean,
  note: string | undefined,
): ApiLease {
  const mine = row.key === own?.key;
  const { lease } = row;
  return {
    key: row.key,
    subnets: inOrder(row.subnets),
    publicAddresses: inOrder(lease?.publicAddresses ?? {}),
    ...(lease === undefined || lease.backendType === '' ? {} : { backendType: lease.backendType }),
    ...(lease?.node === undefined ? {} : { node: lease.node }),
    mine,
    inForce,
    ...(inForce ? {} : { refusal: note ?? 'not in force' }),
    reserved: row.leaseId === NO_LEASE,
    ...(mine && own?.expires !== undefined ? { expires: own.expires } : {}),
  };
}

/** IPv4 before IPv6. */
export function inOrder<T>(values: PerFamily<T>): T[] {
  return familiesOf(values).flatMap((family) => values[family] ?? []);
}
