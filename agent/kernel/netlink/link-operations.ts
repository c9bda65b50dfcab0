/** Makes, changes and removes links, one at a time, and reads each back: what the kernel did not take is a failure. */
import type { Operation, Outcome } from '../../state/kernel.ts';
import { describe, same, type Link, type VxlanLink } from '../../state/resource.ts';
import { KernelError, type Refusal } from '../errno.ts';
import { DONE, failed } from './batches.ts';
import * as nl from './constants.ts';
import {
  readLink,
  writeLinkChange,
  writeLinkRemoval,
  writeLinkRequest,
  writeLinkRequestByName,
  writeTunnelChange,
  writeVxlan,
  type LinkRecord,
} from './link.ts';
import type { LinkTable } from './link-table.ts';
import { MessageWriter } from './message.ts';
import type { DumpSocket, RequestSocket } from './socket.ts';

interface LinkParts {
  readonly socket: RequestSocket;
  readonly dumps: DumpSocket;
  readonly links: LinkTable;
  /** Told when a link was made anew, as everything that stood on the old one is gone. */
  readonly onRemade: (name: string) => void;
}

export class LinkOperations {
  readonly #parts: LinkParts;
  readonly #writer = new MessageWriter();

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  /** Never rejects. */
  async run(operation: Operation): Promise<Outcome> {
    try {
      if (operation.action === 'remove') return await this.#remove(operation.actual as Link);
      const desired = operation.desired as Link;
      if (desired.type === 'foreign')
        return failed({ code: 'EINVAL', message: 'weft makes vxlan links only' });
      return await this.#establish(desired, operation.action === 'change');
    } catch (cause) {
      return failed(cause instanceof KernelError ? cause : new KernelError('EIO', String(cause)));
    }
  }

  /** The link of that name as it is now; the table then knows it. */
  async find(name: string): Promise<LinkRecord | undefined> {
    return this.#fetch((writer) => writeLinkRequestByName(writer, name));
  }

  async #establish(desired: VxlanLink, exists: boolean): Promise<Outcome> {
    const { links } = this.#parts;
    links.want(desired.name);
    const lower = links.get(desired.lower) ?? (await this.find(desired.lower));
    if (lower === undefined)
      return failed({ code: 'ENODEV', message: `there is no link ${desired.lower} to put it on` });
    const standing = exists ? await this.find(desired.name) : undefined;
    if (standing !== undefined) return this.#change(desired, standing, lower.index);
    const refusal = await this.#create(desired, lower.index);
    if (refusal === undefined) return this.#verify(desired);
    if (refusal.code !== 'EEXIST') return failed(refusal);
    const taken = await this.find(desired.name);
    if (taken !== undefined) return this.#change(desired, taken, lower.index);
    return { status: 'conflict', found: (await this.#sameTunnel(desired)) ?? refusal.message };
  }

  async #create(desired: VxlanLink, lowerIndex: number): Promise<Refusal | undefined> {
    const refusal = await this.#request(nl.RTM_NEWLINK, nl.NLM_F_CREATE | nl.NLM_F_EXCL, (writer) =>
      writeVxlan(writer, desired, lowerIndex),
    );
    if (refusal !== undefined) return refusal;
    const made = await this.find(desired.name);
    if (made === undefined)
      return { code: 'ENODEV', message: 'the link went as soon as it was made' };
    const { alias, up } = desired;
    return this.#request(nl.RTM_NEWLINK, 0, (writer) =>
      writeLinkChange(writer, made.index, { alias, up }),
    );
  }

  async #change(desired: VxlanLink, standing: LinkRecord, lowerIndex: number): Promise<Outcome> {
    const actual = this.#parts.links.resource(standing);
    if (same(actual, desired)) return DONE;
    if (actual.type === 'vxlan' && !FIXED.some((name) => actual[name] !== desired[name])) {
      const refusal = await this.#adjust(desired, actual, standing.index, lowerIndex);
      if (refusal === undefined) return this.#verify(desired);
      if (refusal.code !== 'ENOTSUP') return failed(refusal);
    }
    return this.#remake(desired, standing, lowerIndex);
  }

  /** The tunnel first: the kernel refuses an MTU in the same message, and a new lower link may allow a larger one. */
  async #adjust(
    desired: VxlanLink,
    actual: VxlanLink,
    index: number,
    lowerIndex: number,
  ): Promise<Refusal | undefined> {
    if (MOVABLE.some((name) => actual[name] !== desired[name])) {
      const refusal = await this.#request(nl.RTM_NEWLINK, 0, (writer) =>
        writeTunnelChange(writer, index, desired, lowerIndex),
      );
      if (refusal !== undefined) return refusal;
    }
    return this.#request(nl.RTM_NEWLINK, 0, (writer) =>
      writeLinkChange(writer, index, differing(actual, desired)),
    );
  }

  async #remake(desired: VxlanLink, standing: LinkRecord, lowerIndex: number): Promise<Outcome> {
    const refusal =
      (await this.#delete(standing.index)) ?? (await this.#create(desired, lowerIndex));
    this.#parts.onRemade(desired.name);
    return refusal === undefined ? this.#verify(desired) : failed(refusal);
  }

  async #verify(desired: VxlanLink): Promise<Outcome> {
    const record = await this.find(desired.name);
    if (record === undefined) return failed(new KernelError('ENODEV'));
    const actual = this.#parts.links.resource(record);
    if (same(actual, desired)) return DONE;
    if (actual.type === 'vxlan' && actual.mac !== desired.mac) {
      const message =
        `its MAC is ${actual.mac} and not ${desired.mac}: udev or another program rewrote it; ` +
        'set MACAddressPolicy=none for it in a systemd .link file';
      return failed({ code: 'EADDRNOTAVAIL', message });
    }
    const message = `the kernel made it otherwise: ${difference(actual, desired)}`;
    return failed({ code: 'EINVAL', message });
  }

  async #remove(actual: Link): Promise<Outcome> {
    const standing = await this.find(actual.name);
    if (standing === undefined) return DONE;
    const { links } = this.#parts;
    if (!links.isOurs(standing))
      return { status: 'conflict', found: describe(links.resource(standing)) };
    const refusal = await this.#delete(standing.index);
    return refusal === undefined || refusal.code === 'ENODEV' ? DONE : failed(refusal);
  }

  async #delete(index: number): Promise<Refusal | undefined> {
    const refusal = await this.#request(nl.RTM_DELLINK, 0, (writer) =>
      writeLinkRemoval(writer, index),
    );
    if (refusal === undefined) this.#parts.links.drop(index);
    return refusal;
  }

  /** Another device holds the VNI and port: the kernel says EEXIST though the name is free. */
  async #sameTunnel(desired: VxlanLink): Promise<string | undefined> {
    const pieces = await this.#parts.dumps.dump(nl.RTM_GETLINK, (writer) =>
      writeLinkRequest(writer),
    );
    for (const message of pieces.flat()) {
      const record = readLink(message);
      if (record?.vxlan?.vni === desired.vni && record.vxlan.port === desired.port)
        return describe(this.#parts.links.resource(record));
    }
    return undefined;
  }

  async #fetch(write: (writer: MessageWriter) => void): Promise<LinkRecord | undefined> {
    const { errors, replies } = await this.#ask(nl.RTM_GETLINK, 0, write);
    const [refusal] = errors.values();
    if (refusal !== undefined && refusal.code !== 'ENODEV')
      throw new KernelError(refusal.code, refusal.message);
    const record = replies[0] === undefined ? undefined : readLink(replies[0]);
    if (record !== undefined) this.#parts.links.put(record);
    return record;
  }

  async #request(
    type: number,
    flags: number,
    write: (writer: MessageWriter) => void,
  ): Promise<Refusal | undefined> {
    const { errors } = await this.#ask(type, flags, write);
    return [...errors.values()][0];
  }

  #ask(
    type: number,
    flags: number,
    write: (writer: MessageWriter) => void,
  ): ReturnType<RequestSocket['transact']> {
    return this.#parts.socket.ask(this.#writer, type, flags, write);
  }
}

/** What the kernel never changes on a device that exists (drivers/net/vxlan, vxlan_config_validate). */
const FIXED = ['vni', 'port', 'gbp'] as const;
/** What it changes by IFLA_VXLAN attributes, all of them together. */
const MOVABLE = ['local', 'lower', 'learning'] as const;
const SETTINGS = ['mtu', 'mac', 'alias', 'up'] as const;

function differing(
  actual: VxlanLink,
  desired: VxlanLink,
): Partial<Pick<VxlanLink, (typeof SETTINGS)[number]>> {
  return Object.fromEntries(
    SETTINGS.filter((name) => actual[name] !== desired[name]).map((name) => [name, desired[name]]),
  );
}

function difference(actual: Link, desired: VxlanLink): string {
  const is = new Map<string, unknown>(Object.entries(actual));
  return Object.entries(desired)
    .filter(([name, value]) => is.get(name) !== value)
    .map(([name, value]) => `${name} ${String(is.get(name))} instead of ${String(value)}`)
    .join(', ');
}
