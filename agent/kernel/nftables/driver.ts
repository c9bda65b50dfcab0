/**
 * Tables of ours in nftables, by the `nft` program: read whole, written whole in one transaction, so that
 * no packet ever meets half a table.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KernelEvent, Operation, Outcome } from '../../state/kernel.ts';
import { TABLE_NAME, type Kind, type NftTable, type Resource } from '../../state/resource.ts';
import { failureOf, runChild, type ChildResult } from '../child.ts';
import { Follower } from '../follower.ts';
import type { Driver } from '../kernel.ts';
import type { EventSocket } from '../netlink/socket.ts';
import { openNftEvents } from './events.ts';
import { ownTables, parseTable, type NftFamily } from './listing.ts';

const MISSING = 'nft is not installed: install the Debian package nftables';

export class NftablesDriver implements Driver {
  readonly kinds: ReadonlySet<Kind> = new Set<Kind>(['nftables']);
  readonly #runDirectory: string;
  readonly #follower = new Follower(readTables);
  #events: EventSocket | undefined;

  /** `runDirectory` holds the transaction while nft reads it; made if absent. */
  constructor(runDirectory: string) {
    this.#runDirectory = runDirectory;
  }

  /** Every table of our name. Without nft, or where the kernel knows no nftables, none: `apply` tells why. */
  async *dump(): AsyncIterable<readonly Resource[]> {
    yield await this.#follower.dump();
  }

  /** All or nothing: one transaction. Never rejects. */
  apply(operations: readonly Operation[]): Promise<readonly Outcome[]> {
    return this.#follower.apply(operations, async () => {
      const outcome = await this.#transact(operations.flatMap(commandsOf));
      return operations.map(() => outcome);
    });
  }

  watch(listener: (event: KernelEvent) => void): void {
    this.#follower.listen(listener);
    this.#events ??= openNftEvents(
      ({ name }) => name === TABLE_NAME,
      () => this.#follower.touch(),
    );
  }

  async close(): Promise<void> {
    this.#events?.close();
    await this.#follower.close();
  }

  async #transact(commands: readonly object[]): Promise<Outcome> {
    // A file, because nft opens /dev/stdin anew, which fails on the socket that Node makes a child's stdin.
    const file = join(this.#runDirectory, `nft-${process.pid}.json`);
    try {
      await mkdir(this.#runDirectory, { recursive: true });
      await writeFile(file, JSON.stringify({ nftables: commands }), { mode: 0o600 });
      return outcomeOf(await runChild('nft', ['-j', '-f', file]));
    } catch (cause) {
      const message = `the transaction cannot be written to ${file}: ${String(cause)}`;
      return { status: 'failed', code: (cause as NodeJS.ErrnoException).code ?? 'EIO', message };
    } finally {
      await rm(file, { force: true });
    }
  }
}

function outcomeOf(result: ChildResult): Outcome {
  if (result.status === 'missing') return { status: 'failed', code: 'ENOENT', message: MISSING };
  const message = failureOf('nft', result);
  return message === undefined ? { status: 'done' } : { status: 'failed', code: 'NFT', message };
}

/** Emptied and filled in one transaction. Deleting fails where there is nothing, so the table is first made to be. */
function commandsOf(operation: Operation): object[] {
  const { family, table: name } = (operation.desired ?? operation.actual) as NftTable;
  const table = { table: { family, name } };
  const removal = [{ add: table }, { delete: table }];
  if (operation.desired === undefined) return removal;
  return [
    ...removal,
    ...(operation.desired as NftTable).objects.map((object) => ({ add: object })),
  ];
}

async function readTables(): Promise<readonly Resource[]> {
  const listing = await list(['tables']);
  if (listing === undefined) return [];
  const tables = await Promise.all(ownTables(listing).map(readTable));
  return tables.filter((table) => table !== undefined);
}

/** Undefined when the table went away meanwhile. */
async function readTable(family: NftFamily): Promise<NftTable | undefined> {
  const listing = await list(['table', family, TABLE_NAME]);
  return listing === undefined ? undefined : parseTable(listing, family);
}

/** Undefined when nft is missing or says no; rejects when it does not come to an end. */
async function list(what: readonly string[]): Promise<string | undefined> {
  const result = await runChild('nft', ['-j', 'list', ...what]);
  if (result.status === 'stopped') throw new Error(failureOf('nft', result));
  return result.status === 'exited' && result.code === 0 ? result.stdout : undefined;
}
