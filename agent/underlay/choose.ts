/** Which link carries the overlay's packets, and which addresses peers are told: flanneld's rules (docs/flannel.md), pure. */
import type { UnderlayConfig } from '../config/config.ts';
import { familyOf, parseAddress, type Address, type Family } from '../ip/address.ts';
import type { PerFamily, Underlay } from '../state/facts.ts';
import type { AddressInfo, LinkInfo, RouteInfo } from '../state/links.ts';
import { bestRoute } from './route.ts';
import { isUsable, usableAddresses } from './usable.ts';

export interface LinkFacts {
  /** In the kernel's order. */
  readonly links: readonly LinkInfo[];
  readonly addresses: readonly AddressInfo[];
  readonly routes: readonly RouteInfo[];
}

export type UnderlayChoice =
  | { readonly status: 'chosen'; readonly underlay: Underlay }
  /** One sentence: what is wrong and what to do. */
  | { readonly status: 'none'; readonly problem: string };

/** A link with an address for each family that is on; or why a selector gave none. */
type Attempt = { readonly link: LinkInfo; readonly addresses: PerFamily<Address> } | string;
type Selector = () => Attempt;

/** `families` are those of the network's configuration, at least one. */
export function chooseUnderlay(
  facts: LinkFacts,
  config: UnderlayConfig,
  families: readonly Family[],
): UnderlayChoice {
  const reasons: string[] = [];
  for (const attempt of new Chooser(facts, config, families).attempts()) {
    if (typeof attempt === 'string') reasons.push(attempt);
    else return conclude(attempt, facts, config, families);
  }
  const why = reasons.slice(0, LONGEST_LIST).join('; ');
  return none(`no interface can carry the overlay: ${why}; ${listed(facts)}`);
}

function conclude(
  { link, addresses }: Exclude<Attempt, string>,
  facts: LinkFacts,
  config: UnderlayConfig,
  families: readonly Family[],
): UnderlayChoice {
  if (link.mtu <= 0) {
    return none(
      `interface ${link.name} has no MTU; set one with "ip link set ${link.name} mtu 1500"`,
    );
  }
  const publicAddresses = perFamily(
    families,
    (family) => config.publicAddresses[family] ?? addresses[family],
  );
  const routes = facts.routes
    .filter((route) => !OVERLAY_LINK.test(route.link))
    .toSorted((a, b) => a.metric - b.metric)
    .map(({ prefix, link, gateway }) =>
      gateway === undefined ? { prefix, link } : { prefix, link, gateway },
    );
  const underlay = { link: link.name, mtu: link.mtu, addresses, publicAddresses, routes };
  return { status: 'chosen', underlay };
}

class Chooser {
  readonly #facts: LinkFacts;
  readonly #config: UnderlayConfig;
  readonly #families: readonly Family[];

  constructor(facts: LinkFacts, config: UnderlayConfig, families: readonly Family[]) {
    this.#facts = facts;
    this.#config = config;
    this.#families = families;
  }

  /** Lazily, as the first link counts. */
  *attempts(): Iterable<Attempt> {
    for (const select of this.#selectors()) yield select();
  }

  #selectors(): Selector[] {
    const { interfaces, interfacePatterns, canReach } = this.#config;
    const asked: Selector[] = [
      ...interfaces.map((text) => () => this.#byText(text)),
      ...interfacePatterns.map((pattern) => () => this.#byPattern(pattern)),
      ...(canReach === undefined ? [] : [() => this.#byRoute(canReach)]),
    ];
    if (asked.length > 0) return asked;
    const own = this.#families.map((family) => this.#config.publicAddresses[family]);
    const published = own.find((address) => address !== undefined);
    if (published !== undefined) return [() => this.#byPublicAddress(published)];
    return [() => this.#byDefaultRoute()];
  }

  #byText(text: string): Attempt {
    const address = parseAddress(text);
    if (address !== undefined) return this.#byAddress(address, `--iface ${text}`);
    const link = this.#facts.links.find(({ name }) => name === text);
    return link === undefined ? `there is no interface ${text}` : this.#complete(link, {});
  }

  #byPublicAddress(address: Address): Attempt {
    const flag = familyOf(address) === 4 ? '--public-ip' : '--public-ipv6';
    const attempt = this.#byAddress(address, `${flag} ${address}`);
    if (typeof attempt !== 'string') return attempt;
    return `${attempt}, so give --iface too if the address is translated elsewhere`;
  }

  #byAddress(address: Address, flag: string): Attempt {
    const family = familyOf(address);
    if (!this.#families.includes(family)) {
      return `${flag} is an IPv${family} address, and the network has no IPv${family}`;
    }
    const holder = this.#facts.addresses.find((info) => info.address === address);
    const link = this.#linkNamed(holder?.link);
    if (link === undefined) return `${flag} is on no interface`;
    const other = this.#config.publicAddresses[6];
    const isDual = this.#families.length > 1;
    if (isDual && family === 4 && other !== undefined && !this.#holds(link, other)) {
      return `${flag} is on ${link.name}, and --public-ipv6 ${other} is not`;
    }
    return this.#complete(link, { [family]: address });
  }

  #byPattern(pattern: RegExp): Attempt {
    const links = this.#facts.links.filter(({ name }) => !OVERLAY_LINK.test(name));
    for (const link of links) {
      const matching = perFamily(this.#families, (family) =>
        this.#facts.addresses
          .filter((info) => info.link === link.name && isUsable(info, family))
          .map((info) => info.address)
          .find((address) => pattern.test(address)),
      );
      if (this.#isComplete(matching)) return { link, addresses: matching };
    }
    let reason = `no address and no name matches --iface-regex ${pattern.source}`;
    for (const link of links.filter(({ name }) => pattern.test(name))) {
      const attempt = this.#complete(link, {});
      if (typeof attempt !== 'string') return attempt;
      reason = attempt;
    }
    return reason;
  }

  #byRoute(destination: Address): Attempt {
    const route = bestRoute(this.#facts.routes, destination);
    const link = this.#linkNamed(route?.link);
    if (route === undefined || link === undefined) {
      return `no route leads to --iface-can-reach ${destination}`;
    }
    const { source } = route;
    return this.#complete(link, source === undefined ? {} : { [familyOf(source)]: source });
  }

  #byDefaultRoute(): Attempt {
    const names = new Set<string>();
    for (const family of this.#families) {
      const route = firstDefault(this.#facts.routes, DEFAULT_ROUTES[family]);
      if (route === undefined) return `there is no IPv${family} default route`;
      names.add(route.link);
    }
    const [name, other] = names;
    if (other !== undefined) {
      return `the IPv4 default route leaves by ${name} and the IPv6 one by ${other}`;
    }
    const link = this.#linkNamed(name);
    return link === undefined ? `there is no interface ${name}` : this.#complete(link, {});
  }

  /** Adds the best address of each family that `fixed` leaves open. */
  #complete(link: LinkInfo, fixed: PerFamily<Address>): Attempt {
    const addresses = perFamily(
      this.#families,
      (family) => fixed[family] ?? usableAddresses(this.#facts.addresses, link.name, family)[0],
    );
    if (this.#isComplete(addresses)) return { link, addresses };
    const missing = this.#families.filter((family) => addresses[family] === undefined);
    const names = missing.map((family) => `IPv${family}`).join(' and no ');
    return `interface ${link.name} has no ${names} address`;
  }

  #isComplete(addresses: PerFamily<Address>): boolean {
    return this.#families.every((family) => addresses[family] !== undefined);
  }

  #linkNamed(name: string | undefined): LinkInfo | undefined {
    return this.#facts.links.find((link) => link.name === name);
  }

  #holds(link: LinkInfo, address: Address): boolean {
    return this.#facts.addresses.some(
      (info) => info.link === link.name && info.address === address,
    );
  }
}

/** The overlay's own links: absent at the first start, so the choice must not depend on them at the second. */
const OVERLAY_LINK = /^(?:flannel(?:(?:-v6)?\.\d+|-wg(?:-v6)?|\.ipip)|weft\.gre)$/;

const DEFAULT_ROUTES = { 4: '0.0.0.0/0', 6: '::/0' } as const;

function firstDefault(routes: readonly RouteInfo[], prefix: string): RouteInfo | undefined {
  const defaults = routes.filter((route) => route.prefix === prefix);
  return defaults.toSorted((a, b) => a.metric - b.metric)[0];
}

function perFamily<T>(
  families: readonly Family[],
  valueOf: (family: Family) => T | undefined,
): PerFamily<T> {
  const values: { -readonly [F in Family]?: T } = {};
  for (const family of families) {
    const value = valueOf(family);
    if (value !== undefined) values[family] = value;
  }
  return values;
}

/** A host with many containers has as many links; a sentence names this many. */
const LONGEST_LIST = 12;

function listed({ links, addresses }: LinkFacts): string {
  const names = links
    .filter(({ name }) => name !== 'lo' && !OVERLAY_LINK.test(name))
    .map(({ name }) => {
      const own = addresses.filter(({ link }) => link === name).map(({ address }) => address);
      return own.length === 0 ? name : `${name} (${own.slice(0, LONGEST_LIST).join(', ')})`;
    });
  if (names.length === 0) return 'there are no interfaces but lo';
  const more = names.length > LONGEST_LIST ? ` and ${names.length - LONGEST_LIST} more` : '';
  return `choose with --iface among ${names.slice(0, LONGEST_LIST).join(', ')}${more}`;
}

function none(problem: string): UnderlayChoice {
  return { status: 'none', problem };
}
