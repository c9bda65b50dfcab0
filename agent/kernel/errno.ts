/** The kernel's refusals as errors: the errno's name, and a sentence (the kernel's own where it gives one). */
import { constants } from 'node:os';

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(constants.errno)
    .toReversed()
    .map(([name, number]) => [number, name]),
);

const SENTENCES: Readonly<Record<string, string>> = {
  EPERM: 'weft may not do this: it needs root, or CAP_NET_ADMIN',
  EACCES: 'weft may not do this: it needs root, or CAP_NET_ADMIN',
  EEXIST: 'there is one already',
  ENOENT: 'there is no such entry',
  ESRCH: 'there is no such entry',
  ENODEV: 'there is no such link',
  ENETUNREACH: 'the gateway is not reachable through any link',
  EHOSTUNREACH: 'the gateway is not reachable',
  ENETDOWN: 'the link is down',
  EADDRNOTAVAIL: 'there is no such address on the link',
  EADDRINUSE: 'the address or port is in use',
  EINVAL: 'the kernel refuses a value of the request',
  ENOTSUP: 'this kernel does not support it (is the module there?)',
  ENOBUFS: 'the kernel ran out of buffers for its answer',
  ENOMEM: 'the kernel ran out of memory',
  EBUSY: 'it is in use',
  ETIMEDOUT: 'the kernel did not answer in time',
};

/** `EEXIST` for 17 (or -17); `E` and the number for what this system does not name. */
export function errnoName(errno: number): string {
  return NAMES.get(Math.abs(errno)) ?? `E${Math.abs(errno)}`;
}

/** What the errno of that name means, in words. */
export function errnoSentence(name: string): string {
  return SENTENCES[name] ?? `the kernel answered ${name}`;
}

/** Why a request was refused. `code` is an errno's name. */
export interface Refusal {
  readonly code: string;
  readonly message: string;
}

/** A request that the kernel, or the way to it, refused. */
export class KernelError extends Error implements Refusal {
  override readonly name = 'KernelError';
  readonly code: string;

  constructor(code: string, message = errnoSentence(code)) {
    super(message);
    this.code = code;
  }
}
