/** Why an endpoint gets no address, in words. Pure. */
import { EndpointError } from '../endpoint/errors.ts';
import type { Address, Family } from '../ip/address.ts';
import { holderIn } from './claim-value.ts';
import type { ClaimRefusal } from './claims.ts';
import type { NetworkDefinition } from './definition.ts';

/** `why`: in words after "is". */
export function refused(address: Address | undefined, why: string): EndpointError {
  return new EndpointError('address', `${address} is ${why}`, 'choose another, or leave it out');
}

export function noNetwork(name: string): EndpointError {
  const message = `there is no network ${JSON.stringify(name)}`;
  return new EndpointError('no-network', message, 'see weft network ls');
}

/** Why nobody got the address that was asked for, or any. */
export function refusal(
  { name, subnets }: NetworkDefinition,
  family: Family,
  asked: Address | undefined,
  why: ClaimRefusal,
): EndpointError {
  switch (why.problem) {
    case 'gone':
      return noNetwork(name);
    case 'full':
      return new EndpointError(
        'full',
        `every address of ${subnets[family]?.range} is taken`,
        'detach an endpoint first',
      );
    case 'never':
      return refused(asked, why.text);
    case 'own':
      return refused(asked, `taken by endpoint ${why.owner} on this host`);
    case 'others':
      return refused(asked, `taken on host ${holderIn(why.value)?.name ?? 'of unknown name'}`);
  }
}
