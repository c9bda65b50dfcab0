/** What the command `weft` asks the daemon of names with. */
import type { AddName, HostDns, LookedUp, LookUp, NameEntry, RemoveName } from './dns-model.ts';
import type { CheckUpdate, NamePage } from './dns-server.ts';
import { DNS } from './dns-service.ts';
import type { Rpc } from './rpc.ts';

/** Other servers have four seconds. */
const CALL_LIMIT_MS = 10_000;
const LIST_LIMIT_MS = 60_000;
/** For all names of all hosts. */
const CHECK_LIMIT_MS = 600_000;

/** Every call throws a WeftError. */
export interface DnsCalls {
  hostDns(): Promise<HostDns>;
  names(): AsyncIterable<NameEntry>;
  lookUp(request: LookUp): Promise<LookedUp>;
  add(request: AddName): Promise<NameEntry>;
  remove(request: RemoveName): Promise<number>;
  /** How far it is, and with the last one, which is `complete`, what is wrong. */
  check(): AsyncIterable<CheckUpdate>;
}

export function dnsCalls(rpc: Rpc): DnsCalls {
  const one = async <T extends object>(name: keyof typeof DNS, request: object): Promise<T> =>
    await rpc.one<T>(DNS[name], request, CALL_LIMIT_MS);
  return {
    hostDns: async () => await one<HostDns>('getHostDns', {}),
    names: () => namesIn(rpc),
    lookUp: async (request) => await one<LookedUp>('lookUp', request),
    add: async (request) => (await one<{ readonly name: NameEntry }>('addName', request)).name,
    remove: async (request) =>
      (await one<{ readonly removed: number }>('removeName', request)).removed,
    check: () => rpc.many<CheckUpdate>(DNS.checkNames, {}, CHECK_LIMIT_MS),
  };
}

async function* namesIn(rpc: Rpc): AsyncGenerator<NameEntry> {
  for await (const page of rpc.many<NamePage>(DNS.listNames, {}, LIST_LIMIT_MS)) yield* page.names;
}
