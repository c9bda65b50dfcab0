/** What stands at the key of an address: whose it is. Pure. */
import { isObject } from '../subnet/parsed.ts';

export interface Holder {
  /** Node id. */
  readonly host: string;
  /** As a member of the gossip, for people. */
  readonly name: string;
}

/** The same for every address of a host, so that a key can be compared with it. */
export function holderText({ host, name }: Holder): string {
  return JSON.stringify({ version: 1, host, name });
}

/** Undefined for what is none. */
export function holderIn(text: string): Holder | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(json)) return undefined;
  const { host, name } = json;
  return typeof host === 'string' && typeof name === 'string' ? { host, name } : undefined;
}
