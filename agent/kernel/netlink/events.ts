/**
 * The kernel's messages about changes by others, as events on what is ours. Some losses are silent: with a link,
 * its going down or its last v4 address, v4 routes go without a message, so that these are told as `unknown`.
 */
import { familyOf } from '../../ip/address.ts';
import type { KernelEvent } from '../../state/kernel.ts';
import { keyOf, linkKey, type Key, type Resource } from '../../state/resource.ts';
import { readAddress } from './address.ts';
import * as nl from './constants.ts';
import { echoOf, type Echoes } from './echoes.ts';
import { readLink } from './link.ts';
import type { LinkTable } from './link-table.ts';
import type { Message } from './message.ts';
import { readNeighbour } from './neighbour.ts';
import { addressOnOwnLink, entryOnOwnLink, ownRoute } from './ownership.ts';
import { readRoute, routePlace } from './route.ts';

export const EVENT_GROUPS = [
  nl.RTNLGRP_LINK,
  nl.RTNLGRP_NEIGH,
  nl.RTNLGRP_IPV4_IFADDR,
  nl.RTNLGRP_IPV6_IFADDR,
  nl.RTNLGRP_IPV4_ROUTE,
  nl.RTNLGRP_IPV6_ROUTE,
];

export class EventReader {
  readonly #links: LinkTable;
  readonly #echoes: Echoes;
  readonly #tell: (event: KernelEvent) => void;
  readonly #ignored = new Set<string>();
  readonly #readers: Readonly<Record<number, (message: Message) => void>>;

  constructor(links: LinkTable, echoes: Echoes, tell: (event: KernelEvent) => void) {
    this.#links = links;
    this.#echoes = echoes;
    this.#tell = tell;
    this.#readers = {
      [nl.NLMSG_NOOP]: ({ sequence }) => echoes.passed(sequence),
      [nl.RTM_NEWLINK]: (message) => this.#linkPresent(message),
      [nl.RTM_DELLINK]: (message) => this.#linkAbsent(message),
      [nl.RTM_NEWADDR]: (message) => this.#address(message),
      [nl.RTM_DELADDR]: (message) => this.#address(message),
      [nl.RTM_NEWNEIGH]: (message) => this.#neighbour(message),
      [nl.RTM_DELNEIGH]: (message) => this.#neighbour(message),
      [nl.RTM_NEWROUTE]: (message) => this.#routePresent(message),
      [nl.RTM_DELROUTE]: (message) => this.#routeAbsent(message),
    };
  }

  take(message: Message): void {
    this.#readers[message.type]?.(message);
  }

  /**
   * We are about to work on this link: it goes through states that nobody shall see, and the kernel's events on
   * links do not tell who did it. They are not looked at until `heedLink`.
   */
  ignoreLink(name: string): void {
    this.#ignored.add(name);
  }

  heedLink(name: string): void {
    this.#ignored.delete(name);
  }

  #linkPresent(message: Message): void {
    const record = readLink(message);
    if (record === undefined || this.#ignored.has(record.name)) return;
    const before = this.#links.put(record);
    const wasOurs = before !== undefined && this.#links.isOurs(before);
    const renamed = before !== undefined && before.name !== record.name;
    if (wasOurs && (renamed || !this.#links.isOurs(record))) this.#absent(linkKey(before.name));
    if (this.#links.isOurs(record)) this.#present(this.#links.resource(record));
    if (before === undefined || !this.#links.mayCarry(before)) return;
    if (renamed) this.#unknown(`link ${before.name} was renamed to ${record.name}`);
    else if (before.up && !record.up) this.#unknown(`link ${record.name} went down`);
  }

  #linkAbsent(message: Message): void {
    const record = readLink(message);
    if (record === undefined || this.#ignored.has(record.name)) return;
    if (this.#links.drop(record.index) === undefined) return;
    if (this.#links.isOurs(record)) this.#absent(linkKey(record.name));
    if (this.#links.mayCarry(record)) this.#unknown(`link ${record.name} was removed`);
  }

  #address(message: Message): void {
    const record = readAddress(message);
    if (record === undefined) return;
    const isGone = message.type === nl.RTM_DELADDR;
    if (this.#echoes.take(echoOf({ kind: 'address', ...record }, record.linkIndex, isGone))) return;
    const own = addressOnOwnLink(record, this.#links);
    if (own !== undefined) this.#tellOf(own, !isGone);
    const link = this.#links.at(record.linkIndex);
    if (
      isGone &&
      familyOf(record.address) === 4 &&
      link !== undefined &&
      this.#links.mayCarry(link)
    )
      this.#unknown(`address ${record.address} went from link ${link.name}`);
  }

  #neighbour(message: Message): void {
    const record = readNeighbour(message);
    if (record === undefined) return;
    const isRemoval = message.type === nl.RTM_DELNEIGH;
    if (record.kind === 'fdb' && this.#echoes.take(echoOf(record, record.linkIndex, isRemoval)))
      return;
    const own = entryOnOwnLink(record, this.#links);
    // An entry that is no longer permanent is not the one we hold any more.
    const isThere = !isRemoval && record.permanent && record.mac !== undefined;
    if (own !== undefined) this.#tellOf(own, isThere);
  }

  #routePresent(message: Message): void {
    const record = readRoute(message);
    if (record === undefined) return;
    const own = ownRoute(record, this.#links);
    if (own !== undefined) {
      if (own.link !== undefined) this.#links.carry(own.link);
      this.#present(own);
    } else if (record.compound || (message.flags & nl.NLM_F_REPLACE) !== 0) {
      // Somebody's route has taken the place, which the kernel tells as the new one only.
      this.#absent(routePlace(record));
    }
  }

  /** Told of foreign routes too: a place that was taken may be free now. */
  #routeAbsent(message: Message): void {
    const record = readRoute(message);
    if (record !== undefined && record.protocol !== nl.RTPROT_KERNEL)
      this.#absent(routePlace(record));
  }

  #tellOf(resource: Resource, isThere: boolean): void {
    if (isThere) this.#present(resource);
    else this.#absent(keyOf(resource));
  }

  #present(resource: Resource): void {
    this.#tell({ type: 'present', resource });
  }

  #absent(key: Key): void {
    this.#tell({ type: 'absent', key });
  }

  #unknown(reason: string): void {
    this.#tell({ type: 'unknown', reason });
  }
}
