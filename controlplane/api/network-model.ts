/** What the control API says of networks that users make (proto/weft/v1/networks.proto), as plain values. */

export interface Network {
  /** Empty of `default`. */
  readonly id: string;
  readonly name: string;
  readonly vni?: number;
  readonly subnets: readonly NetworkSubnet[];
  readonly internal: boolean;
  readonly encrypted: boolean;
  readonly multicast: boolean;
  readonly mtu?: number;
  readonly dnsTtl?: number;
  readonly labels: readonly string[];
  readonly created?: Date;
  /** On all hosts. */
  readonly endpoints: number;
}

export interface NetworkSubnet {
  readonly subnet: string;
  readonly gateway?: string;
  readonly range?: string;
  readonly aux: readonly string[];
}

export interface CreateNetwork {
  readonly id: string;
  readonly name: string;
  readonly subnets: readonly WantedSubnet[];
  readonly internal: boolean;
  readonly encrypted: boolean;
  readonly multicast: boolean;
  /** 0: none is chosen. */
  readonly mtu: number;
  readonly dnsTtl?: number;
  readonly labels: readonly string[];
}

/** Empty text is as good as none. */
export interface WantedSubnet {
  readonly subnet: string;
  readonly gateway: string;
  readonly range: string;
  readonly aux: readonly string[];
}

export interface CreatedNetwork {
  readonly network: Network;
  readonly silent: readonly string[];
}

export type NetworkChange =
  | { readonly type: 'present'; readonly network: Network }
  | { readonly type: 'removed'; readonly name: string };

export type NetworkEvent = NetworkChange | { readonly type: 'complete' };
