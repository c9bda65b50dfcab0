/** What the daemon answers of names, without a word of gRPC. All throw a WeftError. */
import type { AddName, LookedUp, LookUp, NameEntry, RemoveName } from './dns-model.ts';

export interface DnsHandlers {
  /** Of every host. */
  names(): Iterable<NameEntry>;
  lookUp(request: LookUp): Promise<LookedUp>;
  add(request: AddName): NameEntry;
  /** How many records were taken away. */
  remove(request: RemoveName): number;
}
