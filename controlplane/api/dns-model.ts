/** What the control API says of names (proto/weft/v1/dns.proto), as plain values. */

/** Where this host's DNS answers the host itself. */
export interface HostDns {
  readonly domain: string;
  /** ADDRESS:PORT */
  readonly addresses: readonly string[];
}

export interface NameEntry {
  readonly name: string;
  readonly network: string;
  readonly address: string;
  readonly kind: string;
  readonly host: string;
  readonly mine: boolean;
  /** In seconds. */
  readonly ttl: number;
  /** Of an endpoint: NAME:NUMBER/PROTOCOL. */
  readonly ports: readonly string[];
}

export interface LookUp {
  readonly name: string;
  readonly type: string;
  readonly network: string;
}

export interface FoundRecord {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly data: string;
}

export interface LookedUp {
  /** `NOERROR`, `NXDOMAIN`, … */
  readonly status: string;
  readonly own: boolean;
  readonly answers: readonly FoundRecord[];
}

export interface AddName {
  readonly name: string;
  readonly address: string;
  readonly ttl?: number;
}

export interface RemoveName {
  readonly name: string;
  readonly address: string;
  /** Of the change, chosen by whoever asks; empty: none. */
  readonly id: string;
}

/** How far a check of all names is. */
export interface CheckProgress {
  readonly hosts: number;
  readonly answered: number;
  readonly names: number;
}

/** What a check found wrong. */
export interface Finding {
  readonly kind: 'disagrees' | 'silent' | 'more';
  /** Absent of `more`. */
  readonly host?: string;
  /** Of `disagrees`: NAME.NETWORK.DOMAIN. */
  readonly name?: string;
  /** `NOERROR`, `NXDOMAIN`, …; of `silent`: why. */
  readonly status: string;
  /** Addresses that its DNS answers. */
  readonly says: readonly string[];
  /** The members that say the name. */
  readonly owners: readonly string[];
  readonly ownerSays: readonly string[];
}
