/** What ADD answers, in the words of the version asked for (SPEC.md of containernetworking/cni, "Success"). Pure. */
import type { Endpoint } from '../controlplane/api/endpoint-model.ts';
import { CniError } from './error.ts';
import type { Fields } from './fields.ts';
import type { Call, Dns, Version } from './protocol.ts';

export interface Result {
  readonly cniVersion: Version;
  readonly interfaces: readonly Fields[];
  readonly ips: readonly Fields[];
  readonly routes: readonly Fields[];
  readonly dns: Fields;
}

/** With what the plugins before this one made. Throws a CniError when weftd does not tell enough. */
export function resultOf(
  { config: { version }, wishes, previous, namespace }: Extract<Call, { readonly verb: 'ADD' }>,
  { bridge, hostLink, link, mac, inside }: Endpoint,
): Result {
  if (inside === undefined || link === undefined || mac === undefined)
    throw new CniError('refused', 'weftd is older than weft-cni', 'start weftd anew');
  const others = previous?.interfaces ?? [];
  const ours = [
    ...[bridge, hostLink].flatMap((name) => (name === undefined ? [] : [{ name }])),
    { name: link, mac, ...(version === '1.1.0' ? { mtu: inside.mtu } : {}), sandbox: namespace },
  ];
  const at = others.length + ours.length - 1;
  const ips = inside.addresses.map((address) => {
    const gateway = inside.gateways.find((each) => isSixth(each) === isSixth(address));
    return {
      ...ipVersion(version, address),
      address,
      ...(gateway === undefined ? {} : { gateway }),
      interface: at,
    };
  });
  const routes = inside.routes.map(({ destination, gateway }) => ({
    dst: destination,
    gw: gateway,
  }));
  return {
    cniVersion: version,
    interfaces: [...others, ...ours],
    ips: [...(previous?.ips ?? []), ...ips],
    routes: [...(previous?.routes ?? []), ...routes],
    dns: { ...previous?.dns, ...dnsFrom(wishes.dns, inside.domain, inside.gateways) },
  };
}

/** Versions before 1.0.0 want the family said. */
function ipVersion(version: Version, address: string): Fields {
  if (version !== '0.3.1' && version !== '0.4.0') return {};
  return { version: isSixth(address) ? '6' : '4' };
}

function isSixth(address: string): boolean {
  return address.includes(':');
}

/** What was asked for, else the network's own; `own`: undefined where DNS is switched off. */
function dnsFrom(asked: Dns, own: string | undefined, gateways: readonly string[]): Fields {
  const { servers, domain, searches, options } = asked;
  const or = (list: readonly string[], other: readonly string[]): readonly string[] =>
    list.length > 0 || own === undefined ? list : other;
  const dns = {
    nameservers: or(servers, gateways),
    ...(domain === undefined ? {} : { domain }),
    search: or(searches, [own ?? '']),
    options: or(options, ['ndots:1']),
  };
  return Object.fromEntries(Object.entries(dns).filter(([, value]) => value.length > 0));
}
