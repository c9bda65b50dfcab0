/** The daemon's end of the service of dns.proto. */
import { mapped, unary, type Streams } from './answering.ts';
import { fromWire, toWire } from './codec.ts';
import type { DnsHandlers } from './dns-handlers.ts';
import type {
  AddName,
  CheckProgress,
  Finding,
  LookUp,
  NameEntry,
  RemoveName,
} from './dns-model.ts';
import type { ErrorLog } from './handlers.ts';
import { Pending } from './pending.ts';
import type { Repeats } from './repeats.ts';
import { pages } from './streams.ts';

export interface NamePage {
  readonly names: readonly NameEntry[];
}

export interface CheckUpdate extends CheckProgress {
  readonly findings: readonly Finding[];
  readonly complete: boolean;
}

/** Named as in DNS. */
export function dnsImplementation(
  handlers: DnsHandlers,
  streams: Streams,
  repeats: Repeats,
  log: ErrorLog,
) {
  return {
    listNames: streams.serve(() => mapped(namePages(handlers), toWire)),
    checkNames: streams.serve((signal) => mapped(checkUpdates(handlers, signal), toWire)),
    getHostDns: unary(() => toWire(handlers.hostDns()), log),
    lookUp: unary(async (asked) => toWire(await handlers.lookUp(fromWire(asked) as LookUp)), log),
    addName: unary((asked) => toWire({ name: handlers.add(fromWire(asked) as AddName) }), log),
    removeName: unary(async (asked) => {
      const { id, ...request } = fromWire(asked) as RemoveName;
      const change = repeats.once(id, { removeName: request }, () => ({
        end: Promise.resolve().then(() => handlers.remove({ ...request, id })),
      }));
      return { removed: await change.end };
    }, log),
  };
}

function* namePages(handlers: DnsHandlers): Generator<NamePage> {
  for (const names of pages(handlers.names())) yield { names };
}

async function* checkUpdates(
  handlers: DnsHandlers,
  signal: AbortSignal,
): AsyncGenerator<CheckUpdate> {
  // Of how far it is only the last counts.
  const steps = new Pending<CheckProgress | 'end'>(2);
  let last: CheckProgress = { hosts: 0, answered: 0, names: 0 };
  const work = handlers
    .check((progress) => steps.put('progress', progress))
    .finally(() => steps.put('end', 'end'));
  // Awaited below, unless the reader goes first.
  work.catch(() => undefined);
  for (;;) {
    for (const step of (await steps.take(2, signal)) ?? []) {
      if (step === 'end') {
        yield { ...last, findings: await work, complete: true };
        return;
      }
      last = step;
      yield { ...last, findings: [], complete: false };
    }
    if (signal.aborted) return;
  }
}
