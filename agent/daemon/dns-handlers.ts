/** What the control API says of names. */
import { WeftError } from '../../controlplane/api/errors.ts';
import type { DnsHandlers } from '../../controlplane/api/dns-handlers.ts';
import type { LookUp, LookedUp } from '../../controlplane/api/dns-model.ts';
import { question, readAnswer } from '../../controlplane/dns/client.ts';
import { reverseName } from '../../controlplane/dns/name-index.ts';
import { TYPE } from '../../controlplane/dns/wire.ts';
import { isName, isNetwork, type Name } from '../../controlplane/names/index.ts';
import { FileError } from '../config/atomic-file.ts';
import type { DnsService } from '../dns/service.ts';
import { addressFromBytes, addressToBytes, parseAddress, type Address } from '../ip/address.ts';
import type { Daemon } from './daemon.ts';
import { entryOf, namesOf, ttlOf } from './name-rows.ts';
import { answerChecks, checkAll, statusText } from './names-check.ts';

const NETWORK = 'default';
/** Types by name that people ask for; any other as TYPE65. */
const TYPES = new Map<string, number>([...Object.entries(TYPE), ['MX', 15], ['TXT', 16]]);

export function dnsHandlers(daemon: Daemon): DnsHandlers {
  const domain = daemon.config.dns?.domain ?? 'weft';
  answerChecks(daemon);
  return {
    hostDns: () => {
      serviceOf(daemon);
      return { domain, addresses: daemon.config.dns?.bind ?? [] };
    },
    names: () => namesOf(daemon),
    check: async (tell) => await checkAll(daemon, tell),
    lookUp: async (request) => await lookUp(serviceOf(daemon), request),
    add: ({ name, address, ttl }) => {
      requireGossip(daemon);
      const bytes = addressToBytes(addressIn(address));
      const meant = nameIn(name, domain);
      const record = { ...meant, address: bytes, ttl: ttl ?? ttlOf(daemon, meant.network) };
      kept(() => daemon.staticNames.add(record));
      return { ...entryOf(record, daemon.membership?.name ?? ''), mine: true };
    },
    remove: ({ name, address }) => {
      const wanted = nameIn(name, domain);
      const only = address === '' ? undefined : addressIn(address);
      const removed = kept(() =>
        daemon.staticNames.remove(
          (record) =>
            record.name === wanted.name &&
            record.network === wanted.network &&
            (only === undefined || addressFromBytes(record.address) === only),
        ),
      );
      if (removed > 0) return removed;
      throw new WeftError('WEFT_NOT_FOUND', `this host has no static record ${name}`, {
        fix: 'see weft dns ls; a record is removed on the host that it was added on',
      });
    },
  };
}

async function lookUp(service: DnsService, asked: LookUp): Promise<LookedUp> {
  const address = parseAddress(asked.name);
  const type = typeIn(asked.type === '' ? (address === undefined ? 'A' : 'PTR') : asked.type);
  const name =
    address === undefined ? asked.name.replace(/\.$/, '') : reverseName(addressToBytes(address));
  const networks = asked.network === '' ? 'all' : [asked.network];
  const answer = await service.lookUp(questionFor(name, type), networks);
  if (answer === undefined)
    throw new WeftError('WEFT_TIMEOUT', 'DNS on this host did not answer', {
      fix: 'see weft status',
    });
  const { rcode, flags, answers } = readAnswer(answer);
  return {
    status: statusText(rcode),
    own: flags.has('aa'),
    answers: answers.map((record) => ({ ...record, type: typeText(record.type) })),
  };
}

function questionFor(name: string, type: number): Uint8Array {
  try {
    return question(name.toLowerCase(), { type, edns: 1232 });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new WeftError('WEFT_USAGE', cause.message, { fix: 'give a name or an address' });
  }
}

function typeIn(text: string): number {
  const upper = text.toUpperCase();
  const type = TYPES.get(upper) ?? Number(/^TYPE(\d{1,5})$/.exec(upper)?.[1] ?? Number.NaN);
  if (type >= 1 && type <= 65_535) return type;
  throw new WeftError('WEFT_USAGE', `there is no type ${text}`, {
    fix: 'give A, AAAA, PTR, SRV, TXT, or a number as TYPE65',
  });
}

function typeText(type: number): string {
  return [...TYPES].find(([, number]) => number === type)?.[0] ?? `TYPE${type}`;
}

/** NAME or NAME.NETWORK, with the domain behind it or without. Throws a WeftError. */
function nameIn(text: string, domain: string): Pick<Name, 'name' | 'network'> {
  const bare = text.toLowerCase().replace(/\.$/, '');
  const inside = bare.endsWith(`.${domain}`) ? bare.slice(0, -domain.length - 1) : bare;
  const dot = inside.lastIndexOf('.');
  const [name, network] =
    dot < 0 ? [inside, NETWORK] : [inside.slice(0, dot), inside.slice(dot + 1)];
  if (isName(name) && isNetwork(network)) return { name, network };
  throw new WeftError('WEFT_USAGE', `${text} cannot be a name of a network`, {
    fix: 'give NAME or NAME.NETWORK, of letters, digits and hyphens',
  });
}

function addressIn(text: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw new WeftError('WEFT_USAGE', `${text} is no address`, {
    fix: 'give an IPv4 or IPv6 address',
  });
}

function serviceOf({ dns }: Daemon): DnsService {
  if (dns !== undefined) return dns;
  throw new WeftError('WEFT_DNS_OFF', 'DNS is switched off on this host', {
    fix: 'take --no-dns out of the settings of weftd',
  });
}

function requireGossip({ membership }: Daemon): void {
  if (membership !== undefined) return;
  throw new WeftError(
    'WEFT_GOSSIP_OFF',
    'gossip is switched off on this host, so nobody would hear of a name',
    {
      fix: 'take --no-gossip out of the settings of weftd',
    },
  );
}

function kept<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RangeError) throw new WeftError('WEFT_USAGE', cause.message, { cause });
    if (cause instanceof FileError) throw new WeftError('WEFT_FAILED', cause.message, { cause });
    throw cause;
  }
}
