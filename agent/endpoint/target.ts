/** What can be attached, in the words of the command: `netns:NAME`, `netns:/PATH`, `pid:NUMBER`, `ctr:NAME`. */
import { posix } from 'node:path';

export type Target =
  | { readonly type: 'netns'; readonly path: string; readonly name?: string }
  | { readonly type: 'pid'; readonly pid: number }
  | { readonly type: 'container'; readonly name: string };

/** Where `ip netns` keeps namespaces by name (ip-netns(8)). */
const NAMED = '/run/netns';
const NAME = /^(?!\.{1,2}$)[^/\0]{1,128}$/;
/** Names and ids of Docker, containerd and Podman. */
const CONTAINER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;

export const TARGET_FORMS = 'netns:NAME, netns:/PATH, pid:NUMBER or ctr:NAME';

/** Undefined for anything else. */
export function parseTarget(text: string): Target | undefined {
  const [, scheme, rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (scheme === 'netns') return netns(rest);
  if (scheme === 'pid' && /^[1-9]\d{0,9}$/.test(rest)) return { type: 'pid', pid: Number(rest) };
  if (scheme === 'ctr' && CONTAINER.test(rest)) return { type: 'container', name: rest };
  return undefined;
}

function netns(rest: string): Target | undefined {
  if (rest.includes('\0')) return undefined;
  if (rest.startsWith('/')) {
    const path = posix.normalize(rest);
    const name = posix.dirname(path) === NAMED ? posix.basename(path) : undefined;
    return { type: 'netns', path, ...(name === undefined ? {} : { name }) };
  }
  return NAME.test(rest) ? { type: 'netns', path: `${NAMED}/${rest}`, name: rest } : undefined;
}

/** What an endpoint is called if no name is given; undefined: there is none. */
export function nameOfTarget(target: Target): string | undefined {
  switch (target.type) {
    case 'netns':
      return posix.basename(target.path);
    case 'container':
      return target.name;
    case 'pid':
      return undefined;
  }
}
