/** All that weft could change in a namespace's kernel, as text: two dumps are equal when nothing has changed. */
import type { Namespace } from './namespace.ts';

/**
 * Neighbours that the kernel learns by itself, and what rules have counted, are left out. A v6 route's lifetime and
 * the like do not occur on the lab's links.
 */
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  links: ['ip', '-d', '-o', 'link', 'show'],
  addresses: ['ip', '-o', 'address', 'show'],
  'v4 routes': ['ip', '-4', '-d', 'route', 'show', 'table', 'all'],
  'v6 routes': ['ip', '-6', '-d', 'route', 'show', 'table', 'all'],
  rules: ['ip', 'rule', 'show'],
  neighbours: ['ip', 'neighbour', 'show', 'nud', 'permanent'],
  fdb: ['bridge', 'fdb', 'show'],
  firewall: ['nft', '-s', 'list', 'ruleset'],
  sysctls: ['sysctl', '-a', '--pattern', '^net\\.ipv[46]\\.(ip_forward$|conf\\.)'],
};

export type KernelDump = Readonly<Record<string, string>>;

export async function dumpKernel(place: Namespace): Promise<KernelDump> {
  const parts = Object.entries(COMMANDS).map(async ([name, [command = '', ...args]]) => {
    const { stdout } = await place.exec(command, args);
    return [name, stdout] as const;
  });
  return Object.fromEntries(await Promise.all(parts));
}
