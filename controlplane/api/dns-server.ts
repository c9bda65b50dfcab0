/** The daemon's end of the service of dns.proto. */
import { mapped, unary, type Streams } from './answering.ts';
import { fromWire, toWire } from './codec.ts';
import type { DnsHandlers } from './dns-handlers.ts';
import type { AddName, LookUp, NameEntry, RemoveName } from './dns-model.ts';
import type { ErrorLog } from './handlers.ts';
import { pages } from './streams.ts';

export interface NamePage {
  readonly names: readonly NameEntry[];
}

/** Named as in DNS. */
export function dnsImplementation(handlers: DnsHandlers, streams: Streams, log: ErrorLog) {
  return {
    listNames: streams.serve(() => mapped(namePages(handlers), toWire)),
    lookUp: unary(async (asked) => toWire(await handlers.lookUp(fromWire(asked) as LookUp)), log),
    addName: unary((asked) => toWire({ name: handlers.add(fromWire(asked) as AddName) }), log),
    removeName: unary(
      (asked) => ({ removed: handlers.remove(fromWire(asked) as RemoveName) }),
      log,
    ),
  };
}

function* namePages(handlers: DnsHandlers): Generator<NamePage> {
  for (const names of pages(handlers.names())) yield { names };
}
