/** The DNS thread: a flood of questions never holds up gossip, leases or health. It does what messages tell it. */
import { parentPort, workerData } from 'node:worker_threads';
import { Answers } from '../../controlplane/dns/answers.ts';
import { NameIndex } from '../../controlplane/dns/name-index.ts';
import { Forwarder } from './forwarder.ts';
import type { FromThread, NameChange, Settings, ToThread } from './messages.ts';
import { Server } from './server.ts';

/** Counts are told this often, in ms. */
const TELL = 1_000;
/** Errors of our own are told this often at most, in ms. */
const WARN = 10_000;

const port = parentPort;
if (port === null) throw new Error('this is a thread of weftd: it does not run alone');
const tell = (message: FromThread): void => port.postMessage(message);

let warned = -Infinity;
function warn(cause: unknown): void {
  if (performance.now() - warned < WARN) return;
  warned = performance.now();
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  tell({ type: 'warning', sentence: `DNS met an error of its own: ${text}` });
}

const index = new NameIndex();
const answers = new Answers(index, workerData as Settings, Math.random);
const forwarder = new Forwarder(Math.random);
const server = new Server({
  answers,
  forwarder,
  broke: warn,
  problems: (problems) => tell({ type: 'problems', problems }),
});
server.setInternal((workerData as Settings).internal);

port.on('message', (message: ToThread) => {
  try {
    take(message);
  } catch (cause) {
    warn(cause);
  }
});

function take(message: ToThread): void {
  switch (message.type) {
    case 'settings':
      answers.configure(message.settings);
      server.setInternal(message.settings.internal);
      break;
    case 'listeners':
      server.setListeners(message.listeners);
      tell({ type: 'listening', turn: message.turn });
      break;
    case 'members':
      server.setMembers(message.members);
      break;
    case 'aliases':
      server.setAliases(message.aliases);
      break;
    case 'upstreams':
      forwarder.setServers(message.servers);
      break;
    case 'names':
      for (const change of message.changes) apply(change);
      break;
    case 'lookup':
      server.lookUp(message, (answer) =>
        tell({ type: 'found', id: message.id, answer: answer && Uint8Array.from(answer) }),
      );
      break;
  }
}

function apply(change: NameChange): void {
  const { kind, owner } = change;
  if (kind === 'endpoint') index.setEndpoint(owner, change.key, change.value);
  else if (kind === 'name') index.setName(owner, change.key, change.value);
  else index.setHost(owner, change.name, change.value);
}

let told = '';
setInterval(() => {
  const { counts } = server;
  const text = JSON.stringify(counts);
  if (text === told) return;
  told = text;
  tell({ type: 'counts', counts });
}, TELL);
