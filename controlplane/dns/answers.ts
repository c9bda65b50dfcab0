/**
 * What a question is answered with, pure: by the names of the asker's networks, or that others are to be asked. Chance
 * is an argument. docs/dns.md has the rules.
 */
import { HOST_NETWORK, type Endpoint } from '../names/index.ts';
import type { NameIndex, NameSet, Address } from './name-index.ts';
import { nameBytes } from './name.ts';
import type { Query } from './query.ts';
import { MINIMAL_ANY, soaRecord, srvData, type Reply, type ReplyRecord } from './reply.ts';
import { specialOf } from './special.ts';
import { CLASS, NAME_BYTES, RCODE, TYPE } from './wire.ts';

/** Who asks, by where and from where the question came. */
export interface Asker {
  /** Whose names it sees, the first one first; `all`: the host itself. */
  readonly networks: readonly string[] | 'all';
  /** Its queries for other names may leave this host. */
  readonly forwards: boolean;
  /** Names that this asker alone has for NAME or NAME.NETWORK. */
  readonly aliases?: ReadonlyMap<string, string>;
}

export interface AnswerSettings {
  /** `weft`; in lower case, without a dot behind it. */
  readonly domain: string;
  /** In seconds, where a network has none of its own. */
  readonly ttl: number;
  readonly ttlOf: ReadonlyMap<string, number>;
  /** All networks that there are, whoever is in them. */
  readonly networks: ReadonlySet<string>;
}

interface Found {
  readonly network: string;
  readonly name: string;
  readonly set: NameSet;
}

/** Addresses of one answer: a message by TCP has no room for more. */
const ADDRESS_LIMIT = 2000;
/** Records of a SRV answer. */
const SERVICE_LIMIT = 100;
/** Characters of a name with dots: its bytes without the first length and the last, which is 0. */
const NAME_LENGTH = NAME_BYTES - 2;

const REFUSED: Reply = { rcode: RCODE.REFUSED, aa: false };
const LOOPBACK: Readonly<Record<4 | 16, Address>> = {
  4: { bytes: Uint8Array.of(127, 0, 0, 1), ttl: undefined },
  16: { bytes: Uint8Array.of(...Array<number>(15).fill(0), 1), ttl: undefined },
};

export class Answers {
  readonly #index: NameIndex;
  readonly #random: () => number;
  #settings: AnswerSettings;
  #below: string;
  #negative: readonly ReplyRecord[];

  /** `random`: from 0 to below 1. */
  constructor(index: NameIndex, settings: AnswerSettings, random: () => number) {
    this.#index = index;
    this.#random = random;
    this.#settings = settings;
    this.#below = `.${settings.domain}`;
    this.#negative = [soaRecord(settings.domain, settings.ttl)];
  }

  configure(settings: AnswerSettings): void {
    this.#settings = settings;
    this.#below = `.${settings.domain}`;
    this.#negative = [soaRecord(settings.domain, settings.ttl)];
  }

  answer(query: Query, asker: Asker): Reply | 'forward' {
    const { name, type } = query;
    if (query.class !== CLASS.IN && query.class !== CLASS.ANY) return REFUSED;
    if (type === TYPE.AXFR || type === TYPE.IXFR) return REFUSED;
    const domainName = this.#inDomain(name);
    const ours = this.#find(domainName ?? name, asker);
    if (ours !== undefined) return this.#answerOf(ours, query);
    const service = this.#service(domainName ?? name, query, asker);
    if (service !== undefined) return service;
    if (domainName !== undefined) return this.#missing(domainName, asker);
    // What the asker calls another is not asked elsewhere while that is gone.
    if (asker.aliases?.has(name) === true) return this.#nothing(RCODE.NXDOMAIN, name);
    return this.#reverse(query, asker) ?? this.#elsewhere(query, asker);
  }

  /** The part before our domain; '' for the domain itself; undefined: it is not of ours. */
  #inDomain(name: string): string | undefined {
    if (name === this.#settings.domain) return '';
    return name.endsWith(this.#below) ? name.slice(0, -this.#below.length) : undefined;
  }

  /** As a whole in any network of the asker's, in their order; then NAME.NETWORK. */
  #find(text: string, asker: Asker): Found | undefined {
    const aliased = asker.aliases?.get(text);
    return aliased === undefined ? this.#findOwn(text, asker) : this.#findOwn(aliased, asker);
  }

  #findOwn(text: string, { networks }: Asker): Found | undefined {
    for (const network of networks === 'all' ? this.#index.networks : networks) {
      const set = this.#index.find(network, text);
      if (set !== undefined) return { network, name: text, set };
    }
    const dot = text.lastIndexOf('.');
    if (dot < 1) return undefined;
    const [name, network] = [text.slice(0, dot), text.slice(dot + 1)];
    if (!sees(networks, network)) return undefined;
    const set = this.#index.find(network, name);
    return set && { network, name, set };
  }

  #answerOf({ network, set }: Found, { type, name }: Query): Reply {
    if (type === TYPE.A || type === TYPE.AAAA) {
      const addresses = set.addresses(type === TYPE.A ? 4 : 16);
      if (addresses.length > 0) {
        const take = this.#shuffle(addresses, ADDRESS_LIMIT);
        return { rcode: RCODE.NOERROR, aa: true, addresses, take, ttl: this.#ttlOf(network) };
      }
    }
    if (type === TYPE.ANY) return { rcode: RCODE.NOERROR, aa: true, answers: [MINIMAL_ANY] };
    return this.#nothing(RCODE.NOERROR, name);
  }

  /** SERVICE.PROTOCOL before one of our names (RFC 2782). */
  #service(text: string, query: Query, asker: Asker): Reply | undefined {
    if (!text.startsWith('_')) return undefined;
    const labels = text.split('.');
    const rest = labels.findIndex((label) => !label.startsWith('_'));
    const found = rest < 0 ? undefined : this.#find(labels.slice(rest).join('.'), asker);
    if (found === undefined) return undefined;
    // _tcp.web is nothing itself, but something is below it.
    if (rest === 1) return this.#nothing(RCODE.NOERROR, query.name);
    const [service, protocol] = labels.map((label) => label.slice(1));
    const having = [...found.set.endpoints()].filter(({ ports }) =>
      ports.some((port) => port.name === service && port.protocol === protocol),
    );
    if (rest !== 2 || having.length === 0) return this.#nothing(RCODE.NXDOMAIN, query.name);
    if (query.type !== TYPE.SRV) return this.#nothing(RCODE.NOERROR, query.name);
    having.length = this.#shuffle(having, SERVICE_LIMIT);
    return this.#services(found, having, `${service}/${protocol}`);
  }

  #services(found: Found, endpoints: readonly Endpoint[], wanted: string): Reply {
    const { network } = found;
    const ttl = this.#ttlOf(network);
    const answers: ReplyRecord[] = [];
    const additional: ReplyRecord[] = [];
    for (const { id, ports, addresses } of endpoints) {
      // A name that others share would lead to them as well.
      const isAlone = found.set.parts.size === 1;
      const below = `${network}.${this.#settings.domain}`;
      const fits = found.name.length + 1 + below.length <= NAME_LENGTH;
      const owner = nameBytes(`${isAlone && fits ? found.name : id}.${below}`);
      for (const { name, protocol, port } of ports) {
        if (`${name}/${protocol}` !== wanted) continue;
        answers.push({ type: TYPE.SRV, ttl, data: srvData(port, owner) });
      }
      for (const data of addresses)
        additional.push({ type: data.length === 4 ? TYPE.A : TYPE.AAAA, ttl, data, owner });
    }
    return { rcode: RCODE.NOERROR, aa: true, answers, additional };
  }

  /** Of our domain, and not there; networks that are there are empty names. */
  #missing(text: string, { networks }: Asker): Reply {
    const isEmpty =
      text === '' ||
      text === HOST_NETWORK ||
      (sees(networks, text) && this.#isNetwork(text)) ||
      (networks !== 'all' && networks.includes(text));
    return this.#nothing(isEmpty ? RCODE.NOERROR : RCODE.NXDOMAIN, this.#settings.domain);
  }

  /** NAME.NETWORK for an address of ours that the asker may see; undefined for one that is not ours. */
  #reverse({ name, type }: Query, { networks }: Asker): Reply | undefined {
    if (!name.endsWith('.arpa') || !this.#index.isOurAddress(name)) return undefined;
    const seen = [...this.#index.reverse(name)].filter(({ network }) => sees(networks, network));
    if (seen.length === 0) return this.#nothing(RCODE.NXDOMAIN, name);
    if (type !== TYPE.PTR) return this.#nothing(RCODE.NOERROR, name);
    const answers = seen.map((of) => ({
      type: TYPE.PTR,
      ttl: this.#ttlOf(of.network),
      data: nameBytes(`${of.name}.${of.network}`),
    }));
    return { rcode: RCODE.NOERROR, aa: true, answers };
  }

  /** Not of our names. What looks like one never leaves. */
  #elsewhere({ name, type }: Query, { forwards, networks }: Asker): Reply | 'forward' {
    const special = specialOf(name);
    if (special === 'localhost') return this.#localhost(type);
    if (special === 'nothing' || this.#looksOurs(name, networks))
      return this.#nothing(RCODE.NXDOMAIN, name);
    if (type === TYPE.ANY) return { rcode: RCODE.NOERROR, aa: false, answers: [MINIMAL_ANY] };
    return forwards ? 'forward' : REFUSED;
  }

  /** One label, of a service or not; or below a network, also one in which nobody has a name (yet). */
  #looksOurs(name: string, networks: Asker['networks']): boolean {
    if (name === '') return false;
    const labels = name.split('.');
    const last = labels.pop() ?? '';
    return (
      labels.every((label) => label.startsWith('_')) ||
      last === HOST_NETWORK ||
      this.#isNetwork(last) ||
      (networks !== 'all' && networks.includes(last))
    );
  }

  /** It is defined, or others say that they are in it, which may be heard first. */
  #isNetwork(name: string): boolean {
    return this.#settings.networks.has(name) || this.#index.hasNetwork(name);
  }

  #localhost(type: number): Reply {
    if (type !== TYPE.A && type !== TYPE.AAAA) return this.#nothing(RCODE.NOERROR, 'localhost');
    const addresses = [LOOPBACK[type === TYPE.A ? 4 : 16]];
    return { rcode: RCODE.NOERROR, aa: true, addresses, ttl: this.#settings.ttl };
  }

  #nothing(rcode: number, name: string): Reply {
    const isOfDomain = this.#inDomain(name) !== undefined;
    return { rcode, aa: true, ...(isOfDomain ? { authority: this.#negative } : {}) };
  }

  #ttlOf(network: string): number {
    return this.#settings.ttlOf.get(network) ?? this.#settings.ttl;
  }

  /** Puts some of `list` first, by chance (Fisher and Yates), in place; returns how many, `limit` at most. */
  #shuffle(list: unknown[], limit: number): number {
    const take = Math.min(limit, list.length);
    if (list.length === 1) return 1;
    for (let i = 0; i < take; i++) {
      const other = i + Math.floor(this.#random() * (list.length - i));
      [list[i], list[other]] = [list[other], list[i]];
    }
    return take;
  }
}

/** Hosts are everybody's. */
function sees(networks: Asker['networks'], network: string): boolean {
  return network === HOST_NETWORK || networks === 'all' || networks.includes(network);
}
