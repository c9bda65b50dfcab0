/** What the control API says of endpoints (proto/weft/v1/endpoints.proto), as plain values. */

export interface Endpoint {
  readonly id: string;
  readonly host: string;
  readonly mine: boolean;
  readonly network: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly mac?: string;
  readonly isHost: boolean;
  readonly state?: string;
  readonly target?: string;
  readonly link?: string;
  readonly hostLink?: string;
  readonly bridge?: string;
  readonly namespace?: string;
  readonly container?: string;
  readonly since?: Date;
  readonly problem?: string;
  readonly dnsInside: boolean;
  /** NAME:NUMBER/PROTOCOL */
  readonly ports: readonly string[];
  /** NAME:ALIAS */
  readonly links: readonly string[];
  readonly inside?: Inside;
}

/** What an endpoint of this host is given inside. */
export interface Inside {
  /** With the length of the subnet. */
  readonly addresses: readonly string[];
  /** Of the network: where DNS answers. */
  readonly gateways: readonly string[];
  /** A default route is put there unless there is another. */
  readonly routes: readonly InsideRoute[];
  /** Bytes. */
  readonly mtu: number;
  /** In which short names are looked for; absent: DNS is switched off. */
  readonly domain?: string;
}

export interface InsideRoute {
  readonly destination: string;
  readonly gateway: string;
}

/** No two endpoints have the same. */
export function keyOfEndpoint({ host, id }: Pick<Endpoint, 'host' | 'id'>): string {
  return `${host}/${id}`;
}

export type EndpointChange =
  | { readonly type: 'present'; readonly endpoint: Endpoint }
  | { readonly type: 'removed'; readonly key: string };

export type EndpointEvent = EndpointChange | { readonly type: 'complete' };

/** Empty text is as good as none. */
export interface Attach {
  readonly id: string;
  readonly target: string;
  readonly network: string;
  readonly names: readonly string[];
  readonly addresses: readonly string[];
  readonly gateway: string;
  readonly link: string;
  readonly mac: string;
  readonly resolver: boolean;
  readonly dnsInside: boolean;
  readonly ports: readonly string[];
  readonly links: readonly string[];
}

export interface Expose {
  readonly id: string;
  readonly network: string;
  readonly names: readonly string[];
}
