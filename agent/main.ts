/** weftd: reads its settings, and runs until told to stop. Every error a user can cause is one sentence on stderr. */
import { readFileSync } from 'node:fs';
import { WeftError } from '../controlplane/api/errors.ts';
import { VERSION } from '../controlplane/api/version.ts';
import { FileError } from './config/atomic-file.ts';
import { parseCommandLine, type CommandLine } from './config/command-line.ts';
import { effectiveText } from './config/effective.ts';
import { HealthServerError } from './front/http.ts';
import { mayAdministerNetwork } from './kernel/capability.ts';
import { KernelError } from './kernel/errno.ts';
import { forward } from './kernel/udp/forwarder.ts';
import { FORWARDER } from './kernel/udp/start.ts';
import { createLogger } from './log.ts';
import { EtcdError } from './etcd/errors.ts';
import { cleanup } from './daemon/cleanup-command.ts';
import { Daemon } from './daemon/daemon.ts';
import { printPlan } from './daemon/plan-command.ts';
import { SetupError } from './daemon/session.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

async function main(): Promise<number> {
  const line = parseCommandLine(process.argv.slice(2), process.env, (path) =>
    readFileSync(path, 'utf8'),
  );
  switch (line.kind) {
    case 'help':
      process.stdout.write(line.text);
      return 0;
    case 'version':
      process.stdout.write(`weftd ${VERSION}\n`);
      return 0;
    case 'error':
      process.stderr.write(`weftd: ${line.message}\n`);
      return EXIT_USAGE;
    case 'command':
      return carryOut(line);
  }
}

type CommandLineOf<K> = Extract<CommandLine, { readonly kind: K }>;

async function carryOut({
  command,
  config,
  provenance,
  warnings,
}: CommandLineOf<'command'>): Promise<number> {
  if (command.name === 'config') {
    process.stdout.write(effectiveText(provenance, command.json));
    return 0;
  }
  if (!mayAdministerNetwork()) {
    throw new SetupError(
      'no permission to change the network: run weftd as root, or give it CAP_NET_ADMIN',
    );
  }
  if (command.name === 'cleanup') return cleanup(config, command);
  if (command.name === 'plan') {
    await printPlan(config, command);
    return 0;
  }
  const log = createLogger(config.log);
  for (const warning of warnings) log.warn(warning);
  const daemon = new Daemon(config, log);
  // As a last resort: one question that weft did not foresee must not take the network control of a host down, nor,
  // where every host is asked it, that of all. What throws outside of promises still ends the process.
  process.on('unhandledRejection', (cause) => {
    daemon.metrics.fault();
    log.error({ err: cause }, 'this is a fault in weft, please report it; weftd goes on');
  });
  await daemon.run(untilTold());
  log.info('stopped; the kernel keeps forwarding');
  return 0;
}

/** Aborted by the first SIGINT or SIGTERM; the second ends the process at once, as flanneld does. */
function untilTold(): AbortSignal {
  const told = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => told.abort());
  return told.signal;
}

/** What the user can do something about; anything else is a fault in weft and shows where. */
const EXPECTED = [SetupError, FileError, EtcdError, KernelError, HealthServerError];

async function run(): Promise<void> {
  // Node's advice to developers, as that no IP address belongs in TLS's server name, which grpc-js puts there.
  process.noDeprecation = true;
  try {
    const [word, ...rest] = process.argv.slice(2);
    if (word === FORWARDER) return await forward(rest);
    process.exitCode = await main();
  } catch (cause) {
    const isExpected = EXPECTED.some((kind) => cause instanceof kind);
    const text = cause instanceof WeftError ? cause.sentence : sentenceOf(cause, isExpected);
    process.stderr.write(`weftd: ${text}\n`);
    process.exit(EXIT_FAILURE);
  }
}

function sentenceOf(cause: unknown, isExpected: boolean): string {
  if (!(cause instanceof Error)) return String(cause);
  return isExpected
    ? cause.message
    : `this is a fault in weft, please report it: ${cause.stack ?? cause.message}`;
}

void run();
