/** Where the packets of a TUN device go: to the gateway of their route over it. Kept true by dumps and events. Pure. */
import type { Address } from '../../ip/address.ts';
import { PrefixTable } from '../../ip/prefix-table.ts';
import type { KernelEvent } from '../../state/kernel.ts';
import { keyOf, linkOf, type Key, type Resource } from '../../state/resource.ts';
import { destinationOf, isIpv4, netUnreachable, takeHop } from './packet.ts';

/** What becomes of a packet that came out of the device. */
export type Fate =
  | { readonly action: 'send'; readonly to: Address }
  /** To whoever sent it. */
  | { readonly action: 'answer'; readonly packet: Uint8Array }
  | { readonly action: 'drop' };

/** What the kernel tells in full. */
export type Told = Exclude<KernelEvent, { readonly type: 'unknown' }>;

const DROP: Fate = { action: 'drop' };

export class Ways {
  readonly #link: string;
  readonly #entries = new Map<Key, Resource>();
  /** Of the entries, made when a packet needs it. */
  #view: View | undefined;

  constructor(link: string) {
    this.#link = link;
  }

  /** These are all there are. */
  reset(resources: readonly Resource[]): void {
    this.#view = undefined;
    this.#entries.clear();
    for (const resource of resources) this.#put(resource);
  }

  take(event: Told): void {
    this.#view = undefined;
    if (event.type === 'absent') this.#entries.delete(event.key);
    else this.#put(event.resource);
  }

  /** Takes a hop off a packet that is to be sent. */
  fateOf(packet: Uint8Array): Fate {
    if (!isIpv4(packet)) return DROP;
    this.#view ??= viewOf([...this.#entries.values()]);
    const to = this.#view.gateways.lookup(destinationOf(packet));
    if (to !== undefined) return takeHop(packet) ? { action: 'send', to } : DROP;
    const { own } = this.#view;
    const answer = own === undefined ? undefined : netUnreachable(packet, own);
    return answer === undefined ? DROP : { action: 'answer', packet: answer };
  }

  /** What stood in its place may have led here, and leads elsewhere now. */
  #put(resource: Resource): void {
    if (linkOf(resource) === this.#link) this.#entries.set(keyOf(resource), resource);
    else this.#entries.delete(keyOf(resource));
  }
}

interface View {
  readonly gateways: PrefixTable<Address>;
  /** The device's address. */
  readonly own: Address | undefined;
}

function viewOf(entries: readonly Resource[]): View {
  const ways = entries.flatMap((entry) =>
    entry.kind === 'route' && entry.gateway !== undefined
      ? [[entry.prefix, entry.gateway] as const]
      : [],
  );
  const own = entries.find((entry) => entry.kind === 'address');
  return { gateways: new PrefixTable(ways), own: own?.address };
}

/** Takes a hop off a packet that came by UDP; whether it may go into the device. */
export function mayEnter(packet: Uint8Array): boolean {
  return isIpv4(packet) && takeHop(packet);
}
