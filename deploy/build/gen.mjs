/** Generates the protobuf codecs (static code and types, not committed). Needs nothing but `node_modules/.bin/pbjs`. */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What is generated from what; a folder stands for every `.proto` in it, but those that have a target of their own. */
const TARGETS = [
  { from: 'proto/etcd', to: 'agent/etcd/generated/rpc.js' },
  { from: 'proto/weft/v1', to: 'controlplane/api/generated/weft.js' },
  {
    from: 'proto/weft/v1/gossip.proto',
    to: 'controlplane/gossip/records/generated/gossip.js',
  },
  { from: 'proto/weft/v1/names.proto', to: 'controlplane/names/generated/names.js' },
];

/**
 * --force-long: lease ids exceed 2^53, so int64 stays a Long until converted at the door.
 * --null-semantics: fields of a decoded message are typed as they really are.
 */
const FLAGS =
  '-t static-module -w esm --es6 --force-long --null-semantics --no-verify --no-convert ' +
  '--no-delimited --no-typeurl --no-service --dts';

function protosOf(from) {
  if (from.endsWith('.proto')) return [from];
  return readdirSync(join(ROOT, from))
    .filter((file) => file.endsWith('.proto'))
    .map((file) => `${from}/${file}`)
    .filter((proto) => !TARGETS.some((target) => target.from === proto));
}

await Promise.all(
  TARGETS.map(async ({ from, to }) => {
    mkdirSync(dirname(join(ROOT, to)), { recursive: true });
    const pbjs = join(ROOT, 'node_modules/.bin/pbjs');
    // A root of its own: two modules of one root and one package would take each other's place.
    const args = [...FLAGS.split(' '), '--root', basename(to, '.js'), '-o', to, ...protosOf(from)];
    await promisify(execFile)(pbjs, args, { cwd: ROOT });
  }),
);
