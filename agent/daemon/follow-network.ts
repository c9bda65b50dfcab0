/** Follows the network configuration in etcd: read at the start, watched from then on. What does not parse changes nothing. */
import type { Logger } from 'pino';
import { pauseBefore, sleep, type Backoff, type Clock, type Random } from '../state/clock.ts';
import type { NetworkConfig } from '../state/facts.ts';
import { parseNetworkConfig } from '../subnet/network-config.ts';
import { isRefused, type Parsed } from '../subnet/parsed.ts';
import type { Registry } from '../subnet/registry.ts';
import type { FoundNetwork } from './kept-network.ts';
import type { ProblemBoard } from './problem-board.ts';

const RETRY: Backoff = { first: 200, factor: 2, limit: 5000 };
const SOURCE = 'network configuration';

export interface FollowParts {
  readonly registry: Registry;
  readonly board: ProblemBoard;
  readonly log: Logger;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** etcd cannot be read, and why; undefined when it can again. */
  readonly outage: (why: string | undefined) => void;
}

/** Yields each valid configuration that differs from the one before; ends when `signal` is aborted. */
export async function* followNetwork(parts: FollowParts): AsyncGenerator<FoundNetwork> {
  let current: string | undefined;
  for await (const text of followText(parts)) {
    const network = accept(parts, text);
    if (text === undefined || network === undefined || JSON.stringify(network) === current)
      continue;
    current = JSON.stringify(network);
    yield { network, text };
  }
}

async function* followText(parts: FollowParts): AsyncGenerator<string | undefined> {
  const { registry, signal } = parts;
  for (let failures = 0; !signal.aborted;) {
    try {
      const { revision, text } = await registry.readConfig();
      failures = 0;
      parts.outage(undefined);
      yield text;
      yield* registry.watchConfig(revision + 1, signal);
    } catch (cause) {
      if (signal.aborted) return;
      parts.outage(cause instanceof Error ? cause.message : String(cause));
      await sleep(parts.clock, pauseBefore(failures++, RETRY, parts.random), signal);
    }
  }
}

/** `text` is what stands at `key`, if anything does; the reason of a refusal says what to do. */
export function networkFrom(text: string | undefined, key: string): Parsed<NetworkConfig> {
  if (text !== undefined) return parseNetworkConfig(text, key);
  const put = `etcdctl put ${key} '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}'`;
  return { reason: `there is no network configuration at ${key} in etcd; put it there: ${put}` };
}

function accept(
  { registry, board, log }: FollowParts,
  text: string | undefined,
): NetworkConfig | undefined {
  const key = registry.configKey;
  const parsed = networkFrom(text, key);
  const problems = isRefused(parsed)
    ? [{ code: 'NETWORK_CONFIG', message: parsed.reason, subject: key }]
    : [];
  for (const { message } of board.set(SOURCE, problems)) log.error({ key }, message);
  return isRefused(parsed) ? undefined : parsed.value;
}
