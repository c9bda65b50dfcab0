/** Where this host's member listens, and what it tells the others. */
import type { GossipConfig, UnderlayConfig } from '../config/config.ts';
import { familyOf, parseAddress, type Address, type Family } from '../ip/address.ts';
import { socketAddress, type SocketAddress } from '../ip/socket-address.ts';
import type { Underlay } from '../state/facts.ts';
import type { UnderlayChoice } from '../underlay/choose.ts';

export interface Place {
  readonly listen: SocketAddress;
  readonly advertise: SocketAddress;
}

export type PlaceChoice = Place | { readonly problem: string };

const ANY: readonly Address[] = ['0.0.0.0' as Address, '::' as Address];

/** `find`: the link to listen on, with an address of the family if it has one, by the rules for underlays. */
export async function findPlace(
  gossip: GossipConfig,
  underlay: UnderlayConfig,
  find: (config: UnderlayConfig, families: readonly Family[]) => Promise<UnderlayChoice>,
): Promise<PlaceChoice> {
  const { bind, advertise } = gossip;
  const named = bind === undefined ? undefined : parseAddress(bind);
  if (named !== undefined && (advertise !== undefined || !ANY.includes(named)))
    return placeOf(named, named, gossip);
  const config = bind === undefined || named !== undefined ? underlay : onlyOn(bind);
  const choice = await find(config, [named === undefined ? 4 : familyOf(named)]);
  if (choice.status === 'none')
    return { problem: `gossip has nowhere to listen: ${choice.problem}` };
  const { own, told } = ofOneFamily(choice.underlay);
  return placeOf(named ?? own, told, gossip);
}

/** v4 if there is one. A link that was chosen has an address. */
function ofOneFamily({ addresses, publicAddresses }: Underlay): { own: Address; told: Address } {
  const family = addresses[4] === undefined ? 6 : 4;
  const own = addresses[family] as Address;
  return { own, told: publicAddresses[family] ?? own };
}

/** An interface of its own for gossip. */
function onlyOn(name: string): UnderlayConfig {
  return { interfaces: [name], interfacePatterns: [], publicAddresses: {} };
}

function placeOf(listen: Address, told: Address, { port, advertise }: GossipConfig): Place {
  return {
    listen: socketAddress(listen, port),
    advertise: socketAddress(advertise?.address ?? told, advertise?.port ?? port),
  };
}
