/** What a user would do to see whether a network works: ping and iperf3. */
import type { Address } from '../../agent/ip/address.ts';
import type { Child } from './child.ts';
import { eventually } from './eventually.ts';
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
  const course = new Course();
  const child = from.spawn('ping', pingArguments(to, { ...options, everyAnswer: true }), {
    onLine: (line) => course.take(line),
  });
  await child.waitForLine(/^PING /);
  return {
    async stop() {
      child.signal('SIGQUIT');
      const told = { within: 5000, what: 'ping tells how it stands' };
      const sent = await child.untilOr(() => course.sent, told);
      // What is older than an answer is not on its way any more.
      const isAnswered = (): boolean => course.latest >= sent;
      const within = LAST_ANSWER_S * 1000 * from.ground.patience;
      await eventually(isAnswered, { within, what: 'the last answer' }).catch(() => undefined);
      await child.stop('SIGINT');
      const received = course.answeredUpTo(sent);
      return { ...parsePing(child.text), sent, received, lost: sent - received };
    },
  };
}

/** What a running ping has said. */
class Course {
  readonly #answered = new Set<number>();
  /** The highest sequence number that was answered. */
  latest = 0;
  /** How many were sent, once it was asked. */
  sent: number | undefined;

  take(line: string): void {
    const sequence = / icmp_seq=(\d+) ttl=/.exec(line)?.[1];
    // On SIGQUIT: `118/119 packets, 0% loss, …`.
    const standing = /^\d+\/(\d+) packets, /.exec(line)?.[1];
    if (standing !== undefined) this.sent = Number(standing);
    if (sequence !== undefined) this.#answer(Number(sequence));
  }

  answeredUpTo(sequence: number): number {
    return [...this.#answered].filter((each) => each <= sequence).length;
  }

  /** It has 16 bits, and goes on at 0: the nearest to the latest is meant. */
  #answer(low: number): void {
    const whole = low + SEQUENCES * Math.round((this.latest - low) / SEQUENCES);
    this.#answered.add(whole);
    this.latest = Math.max(this.latest, whole);
  }
}
const SEQUENCES = 0x1_0000;

/** So that the resolution of neighbours is not part of what is measured. */
async function firstAnswer(from: Namespace, to: Address): Promise<void> {
  const { lost } = await ping(from, to, { count: 1 });
  if (lost > 0) throw new Error(`${to} does not answer ${from.name}`);
}

function pingArguments(
  to: Address,
  options: PingOptions & { readonly everyAnswer?: boolean },
): string[] {
  const { intervalMs = 1, count, size, wholePackets = false, everyAnswer = false } = options;
  return [
    '-n',
    ...(everyAnswer ? [] : ['-q']),
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
  /** How much to send, however long it takes, instead of `seconds`. */
  readonly bytes?: number;
  readonly port?: number;
  readonly arguments?: readonly string[];
}

/** TCP throughput from one place to the other, in bit/s as the receiver counts it. */
export async function iperf(
  from: Namespace,
  to: Namespace,
  {
    address = to.address,
    seconds = 2,
    bytes,
    port = 5201,
    arguments: more = [],
  }: IperfOptions = {},
): Promise<number> {
  const amount = bytes === undefined ? ['-t', `${seconds}`] : ['-n', `${bytes}`];
  const server: Child = to.spawn('iperf3', ['-s', '-1', '-p', `${port}`, '--forceflush']);
  try {
    await server.waitForLine(/^Server listening/);
    const args = [
      '-c',
      address,
      '-p',
      `${port}`,
      ...amount,
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
