/** What who checks names and the hosts say to each other: NamesQuestion and NamesAnswer of proto/weft/v1/dns.proto. */
import type { Part } from './digests.ts';

export interface NamesQuestion {
  /** Of the check. */
  readonly check: string;
  /** Behind every name. */
  readonly domain: string;
  readonly part: Part;
  /** The names of the part are wanted, and not digests. */
  readonly list: boolean;
  /** Only these are wanted, asked anew. */
  readonly names: readonly string[];
}

export interface NamesAnswer {
  /** Names that the host has still to ask its DNS for. */
  readonly pending: number;
  /** Why it cannot tell. */
  readonly refusal?: string;
  /** Names in all. */
  readonly count: number;
  /** One for each part of the part that was asked. */
  readonly digests: readonly number[];
  /** Those of the part, as NAME.NETWORK. */
  readonly names: readonly string[];
  /** Names that this host says, and its own DNS does not. */
  readonly amiss: readonly string[];
  /** Of names that were asked anew. */
  readonly said: readonly NameSaid[];
}

/** What a host's DNS answers for a name. */
export interface NameSaid {
  readonly name: string;
  readonly status: string;
  /** In order, the first ones. */
  readonly addresses: readonly string[];
  /** How many there are. */
  readonly count: number;
  /** Hash of all of them. */
  readonly digest: number;
  /** Those that this host itself says for it, the first ones. */
  readonly claimed: readonly string[];
}

export const NO_ANSWER: NamesAnswer = {
  pending: 0,
  count: 0,
  digests: [],
  names: [],
  amiss: [],
  said: [],
};
