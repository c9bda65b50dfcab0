/** The door of what is asked of networks: text in, values out, or one sentence that says what to do. Pure. */
import { parseAddress, type Address } from '../ip/address.ts';
import { baseOf, familyOfPrefix, parsePrefix, type Prefix } from '../ip/prefix.ts';
import { perFamily } from '../state/facts.ts';
import type { SubnetWish } from './choice.ts';
import { NetworkError } from './errors.ts';
import type { NetworkRequest } from './networks.ts';

/** As it comes; empty text is as good as none. */
export interface NetworkText {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly SubnetText[];
  readonly internal: boolean;
  readonly encrypted: boolean;
  readonly multicast: boolean;
  /** 0: none. */
  readonly mtu: number;
  readonly dnsTtl?: number;
  /** KEY=VALUE, or KEY alone. */
  readonly labels: readonly string[];
}

export interface SubnetText {
  /** `4` or `6`: one of the pools of that family. */
  readonly subnet: string;
  readonly gateway: string;
  readonly range: string;
  /** NAME=ADDRESS */
  readonly aux: readonly string[];
}

/** What else does not hold is found when the rest is chosen. Throws a NetworkError. */
export function parseRequest(asked: NetworkText): NetworkRequest {
  const { id, name, internal, encrypted, multicast, mtu, dnsTtl } = asked;
  const wishes = asked.subnets.map(wishIn);
  const of = (family: 4 | 6): SubnetWish | undefined => {
    const own = wishes.filter((wish) => wish.family === family);
    if (own.length > 1)
      throw usage(`there are two subnets of IPv${family}`, 'give one of each family at most');
    return own[0]?.wish;
  };
  const subnets =
    wishes.length === 0 ? perFamily('pool' as const, undefined) : perFamily(of(4), of(6));
  const labels = new Map(asked.labels.map((text) => pairIn(text)));
  return {
    id,
    name,
    subnets,
    internal,
    encrypted,
    multicast,
    mtu: mtu === 0 ? undefined : mtu,
    dnsTtl,
    labels,
  };
}

interface FamilyWish {
  readonly family: 4 | 6;
  readonly wish: SubnetWish;
}

function wishIn({ subnet: text, gateway, range, aux }: SubnetText): FamilyWish {
  if (text === '4' || text === '6') {
    if (gateway !== '' || range !== '' || aux.length > 0)
      throw usage('a gateway, a range or an auxiliary address is of a subnet', 'give --subnet');
    return { family: text === '4' ? 4 : 6, wish: 'pool' };
  }
  const subnet = exactPrefix(text, 'subnet');
  const wish = {
    subnet,
    gateway: gateway === '' ? undefined : addressIn(gateway, 'gateway'),
    range: range === '' ? undefined : exactPrefix(range, 'range'),
    aux: new Map(
      aux.map((each) => {
        const [name, address] = pairIn(each);
        return [name, addressIn(address, 'auxiliary address')];
      }),
    ),
  };
  return { family: familyOfPrefix(subnet), wish };
}

/** Host bits that are set mean something else than was written. */
function exactPrefix(text: string, what: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix === undefined)
    throw usage(`${JSON.stringify(text)} is no ${what}`, 'give ADDRESS/LENGTH, as 10.77.0.0/16');
  if (parseAddress(text.slice(0, text.lastIndexOf('/'))) !== baseOf(prefix))
    throw usage(`the ${what} ${text} has bits behind its length`, `give ${prefix}`);
  return prefix;
}

function addressIn(text: string, what: string): Address {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw usage(`${JSON.stringify(text)} is no ${what}`, 'give an address without a length');
}

/** KEY=VALUE; a key alone has an empty value. */
function pairIn(text: string): [string, string] {
  const equals = text.indexOf('=');
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}

function usage(message: string, fix: string): NetworkError {
  return new NetworkError('usage', message, fix);
}
