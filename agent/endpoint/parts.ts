/** What attaching needs from others, and the steps of it. */
import type { Address } from '../ip/address.ts';
import type { Random } from '../state/clock.ts';
import type { PerFamily } from '../state/facts.ts';
import type { NamespaceFile } from '../state/veth.ts';
import type { Endpoint, Resolver } from './endpoint.ts';
import type { EndpointError } from './errors.ts';
import type { InsidePlan } from './plan.ts';
import type { AttachRequest } from './request.ts';
import type { Target } from './target.ts';
import type { WiringKernel } from './wiring.ts';

/** What a target turned out to be. */
export interface FoundTarget {
  readonly namespace: NamespaceFile;
  /** Its runtime's id. */
  readonly container?: string;
  /** Who runs it. */
  readonly runtime?: string;
}

/** The link inside of a namespace; it keeps the namespace alive until it is disposed of. */
export interface InsideLink extends Disposable {
  freeName(prefix: string): Promise<string>;
  has(link: string): Promise<boolean>;
  configure(plan: InsidePlan): Promise<void>;
}

/** After each of these something stands, or has gone, that did not before. */
export const STEPS = [
  'attach-reserved',
  'attach-veth',
  'attach-inside',
  'attach-resolver',
  'attach-names',
  'attach-done',
  'detach-begun',
  'detach-names',
  'detach-resolver',
  'detach-veth',
  'detach-done',
] as const;
export type Step = (typeof STEPS)[number];

/** Addresses in networks that users have made, each of them of one endpoint in the whole cluster. */
export interface Claims {
  /** One of each family of the network: those that are asked for, else free ones. Rejects with an EndpointError, and takes none. */
  take(
    network: string,
    endpoint: Pick<AttachRequest, 'id' | 'text' | 'addresses'>,
  ): Promise<PerFamily<Address>>;
  /** It had them before this start. */
  hold(endpoint: Endpoint): void;
  release(network: string, id: string, addresses: PerFamily<Address>): void;
}

export interface AttachmentParts {
  readonly store: { save(endpoint: Endpoint): void; remove(id: string): void };
  /** The reconciler. */
  readonly kernel: WiringKernel;
  readonly claims: Claims;
  /** Why nobody can join that network on this host now, if so. Never rejects. */
  readonly refusal: (network: string) => Promise<EndpointError | undefined>;
  /** Rejects with an EndpointError. */
  readonly find: (target: Target) => Promise<FoundTarget>;
  readonly isThere: (namespace: NamespaceFile) => boolean;
  /** Throws an Error of one sentence when it is no more. */
  readonly enter: (namespace: NamespaceFile) => InsideLink;
  readonly names: { put(endpoint: Endpoint): void; remove(id: string): void };
  readonly resolver: {
    /** Where it belongs; undefined: nowhere. */
    placeFor(request: AttachRequest, namespace: NamespaceFile): Resolver | undefined;
    write(endpoint: Endpoint, gateways: readonly Address[]): void;
    remove(endpoint: Endpoint): void;
  };
  /** Resolves when questions are answered inside. Rejects with an EndpointError when they cannot be. */
  readonly answeredInside: (endpoint: Endpoint) => Promise<void>;
  /** The step was done; a test may end the process here. */
  readonly step: (step: Step) => void;
  readonly random: Random;
  readonly now: () => Date;
  readonly changed: (id: string) => void;
}
