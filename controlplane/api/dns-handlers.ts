/** What the daemon answers of names, without a word of gRPC. All throw a WeftError. */
import type {
  AddName,
  CheckProgress,
  Finding,
  HostDns,
  LookedUp,
  LookUp,
  NameEntry,
  RemoveName,
} from './dns-model.ts';

export interface DnsHandlers {
  hostDns(): HostDns;
  /** Of every host. */
  names(): Iterable<NameEntry>;
  lookUp(request: LookUp): Promise<LookedUp>;
  add(request: AddName): NameEntry;
  /** How many records were taken away. */
  remove(request: RemoveName): number;
  /** Asks all hosts, tells how far that is, and resolves with what is wrong. */
  check(tell: (progress: CheckProgress) => void): Promise<readonly Finding[]>;
}
