/** What a user would do to see whether a network works: ping and iperf3. */
import type { Address } from '../../agent/ip/address.ts';
import type { Child } from './child.ts';
import type { Namespace } from './namespace.ts';

export interface PingResult {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  /** Round trip in ms; undefined when nothing came back. */
  readonly averageMs: number | undefined;
}

export interface PingOptions {
  readonly intervalMs?: number;
  readonly count?: number;
  /** Payload in bytes; with `wholePackets` nothing on the way may fragment it. */
  readonly size?: number;
  readonly wholePackets?: boolean;
}

/** How long the last answer may take, in s. */
const LAST_ANSWER_S = 1;

/** Pings, 1 ms apart and 10 times unless told otherwise; resolves also when all are lost. */
export async function ping(
  from: Namespace,
  to: Address,
  options: PingOptions = {},
): Promise<PingResult> {
  const { code, stdout, stderr } = await from.exec(
    'ping',
    pingArguments(to, { count: 10, ...options }),
  );
  if (code > 1) throw new Error(`ping ${to} from ${from.name}: ${stderr.trim()}`);
  return parsePing(stdout);
}

/** Pings until `stop`, which resolves with what came back in between. Resolves once the first answer is there. */
export async function startPing(
  from: Namespace,
  to: Address,
  options: Omit<PingOptions, 'count'> = {},
): Promise<{ stop(): Promise<PingResult> }> {
  await firstAnswer(from, to);
  const child = from.spawn('ping', pingArguments(to, options));
  await child.waitForLine(/^PING /);
  return {
    async stop() {
      const count = await fewestMissing(child);
      await child.stop('SIGINT');
      return { ...parsePing(child.text), ...count };
    },
  };
}

/** How often a running ping is asked how it stands; mostly once is enough. */
const LOOKS = 50;
/** iputils on SIGQUIT: `118/119 packets, 0% loss, …`. */
const STANDING = /^(\d+)\/(\d+) packets, /;

/** At any moment an answer may be on its way, so that only what is missing in every look is lost. */
async function fewestMissing(child: Child): Promise<Omit<PingResult, 'averageMs'>> {
  let best = { sent: 0, received: 0, lost: Infinity };
  for (let look = 0; look < LOOKS && best.lost > 0; look++) {
    const seen = child.lines.length;
    child.signal('SIGQUIT');
    const told = () => child.lines.slice(seen).flatMap((line) => STANDING.exec(line) ?? []);
    const [, received, sent] = await child.untilOr(() => told().length > 0 && told(), {
      within: 5000,
      what: 'ping tells how it stands',
    });
    const lost = Number(sent) - Number(received);
    if (lost < best.lost) best = { sent: Number(sent), received: Number(received), lost };
  }
  return best;
}

/** So that the resolution of neighbours is not part of what is measured. */
async function firstAnswer(from: Namespace, to: Address): Promise<void> {
  const { lost } = await ping(from, to, { count: 1 });
  if (lost > 0) throw new Error(`${to} does not answer ${from.name}`);
}

function pingArguments(to: Address, options: PingOptions): string[] {
  const { intervalMs = 1, count, size, wholePackets = false } = options;
  return [
    '-n',
    '-q',
    `-i${intervalMs / 1000}`,
    `-W${LAST_ANSWER_S}`,
    ...(count === undefined ? [] : [`-c${count}`]),
    ...(size === undefined ? [] : [`-s${size}`]),
    ...(wholePackets ? ['-Mdo'] : []),
    to,
  ];
}

/** Of iputils' closing lines. */
export function parsePing(text: string): PingResult {
  const counts = /(\d+) packets transmitted, (\d+) received/.exec(text);
  if (counts === null) throw new Error(`ping did not say how it went: ${text}`);
  const [sent, received] = [Number(counts[1]), Number(counts[2])];
  const times = /= [\d.]+\/([\d.]+)\//.exec(text);
  return {
    sent,
    received,
    lost: sent - received,
    averageMs: times === null ? undefined : Number(times[1]),
  };
}

export interface IperfOptions {
  /** Of the receiver; its own unless told. */
  readonly address?: Address;
  readonly seconds?: number;
  readonly port?: number;
  readonly arguments?: readonly string[];
}

/** TCP throughput from one place to the other, in bit/s as the receiver counts it. */
export async function iperf(
  from: Namespace,
  to: Namespace,
  { address = to.address, seconds = 2, port = 5201, arguments: more = [] }: IperfOptions = {},
): Promise<number> {
  const server: Child = to.spawn('iperf3', ['-s', '-1', '-p', `${port}`, '--forceflush']);
  try {
    await server.waitForLine(/^Server listening/);
    const args = [
      '-c',
      address,
      '-p',
      `${port}`,
      '-t',
      `${seconds}`,
      '-J',
      '--connect-timeout',
      '3000',
      ...more,
    ];
    const report = JSON.parse(
      await from.output('iperf3', args, { timeoutMs: (seconds + 20) * 1000 }),
    ) as {
      end: { sum_received: { bits_per_second: number } };
    };
    return report.end.sum_received.bits_per_second;
  } finally {
    await server.stop();
  }
}
