/** Whether this process may change the network, asked before anything is begun. */
import { readFileSync } from 'node:fs';

/** linux/capability.h */
const CAP_NET_ADMIN = 12n;

/** True if CAP_NET_ADMIN is in the effective set (proc(5), `CapEff`). */
export function mayAdministerNetwork(): boolean {
  const status = readFileSync('/proc/thread-self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  return ((BigInt(`0x${effective}`) >> CAP_NET_ADMIN) & 1n) === 1n;
}
