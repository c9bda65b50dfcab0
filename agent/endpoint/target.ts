/**
 * What can be attached, in the words of the command: `netns:NAME`, `netns:/PATH`, `pid:NUMBER`, `ctr:NAME`; and in those of
 * weft-cni: `cni:NETWORK/CONTAINER/INTERFACE/PATH`, by which it knows its own again.
 */
import { posix } from 'node:path';

export type Target =
  | {
      readonly type: 'netns';
      readonly path: string;
      /** For `ip netns`. */
      readonly name?: string;
      /** By whoever keeps it there; else it is called by the last part of its path. */
      readonly called?: string;
    }
  | { readonly type: 'pid'; readonly pid: number }
  | { readonly type: 'container'; readonly name: string };

/** Where `ip netns` keeps namespaces by name (ip-netns(8)). */
const NAMED = '/run/netns';
const NAME = /^(?!\.{1,2}$)[^/\0]{1,128}$/;
/** Names and ids of Docker, containerd and Podman. */
const CONTAINER = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/;
/** Name of a network configuration, container, interface, namespace (CNI's SPEC.md, sections 1 and 2). */
const CNI = /^[A-Za-z0-9][\w.-]{0,127}\/([A-Za-z0-9][\w.-]{0,127})\/[^\s/:]{1,15}(\/.+)$/s;

export const TARGET_FORMS = 'netns:NAME, netns:/PATH, pid:NUMBER or ctr:NAME';

/** Undefined for anything else. */
export function parseTarget(text: string): Target | undefined {
  const [, scheme, rest = ''] = /^([a-z]+):(.+)$/s.exec(text) ?? [];
  if (scheme === 'netns') return netns(rest);
  if (scheme === 'cni') return ofCni(rest);
  if (scheme === 'pid' && /^[1-9]\d{0,9}$/.test(rest)) return { type: 'pid', pid: Number(rest) };
  if (scheme === 'ctr' && CONTAINER.test(rest)) return { type: 'container', name: rest };
  return undefined;
}

function netns(rest: string): (Target & { readonly type: 'netns' }) | undefined {
  if (rest.includes('\0')) return undefined;
  if (rest.startsWith('/')) {
    const path = posix.normalize(rest);
    const name = posix.dirname(path) === NAMED ? posix.basename(path) : undefined;
    return { type: 'netns', path, ...(name === undefined ? {} : { name }) };
  }
  return NAME.test(rest) ? { type: 'netns', path: `${NAMED}/${rest}`, name: rest } : undefined;
}

function ofCni(rest: string): Target | undefined {
  const [, called = '', path = ''] = CNI.exec(rest) ?? [];
  const target = path === '' ? undefined : netns(path);
  return target && { ...target, called };
}

/** What an endpoint is called if no name is given; undefined: there is none. */
export function nameOfTarget(target: Target): string | undefined {
  switch (target.type) {
    case 'netns':
      return target.called ?? posix.basename(target.path);
    case 'container':
      return target.name;
    case 'pid':
      return undefined;
  }
}
