/** The record of what was run, in a file, so that the next start does not run it again. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Command } from '../../state/resource.ts';

/** Differs after every boot, by which whatever commands brought about is gone. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

export function bootId(): string {
  return readFileSync(BOOT_ID, 'utf8').trim();
}

/** Without a file, or with one that makes no sense or is of another boot, nothing was run. */
export function readRecord(file: string, boot: string): Command[] {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as { boot?: unknown; commands?: unknown };
    return record.boot === boot && Array.isArray(record.commands)
      ? record.commands.filter(isCommand)
      : [];
  } catch {
    return [];
  }
}

/** Whole or not at all; of no commands there is no file. Throws when it cannot be written. */
export function writeRecord(file: string, boot: string, commands: readonly Command[]): void {
  if (commands.length === 0) return rmSync(file, { force: true });
  mkdirSync(dirname(file), { recursive: true });
  const fresh = `${file}.new`;
  // What commands read may be secrets of the peers.
  writeFileSync(fresh, JSON.stringify({ boot, commands }), { mode: 0o600 });
  renameSync(fresh, file);
}

function isCommand(value: unknown): value is Command {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, subject, line, undo, environment, input } = value as Record<string, unknown>;
  return (
    kind === 'command' &&
    [subject, line, undo, input].every((text) => typeof text === 'string') &&
    typeof environment === 'object' &&
    environment !== null &&
    Object.values(environment).every((text) => typeof text === 'string')
  );
}
