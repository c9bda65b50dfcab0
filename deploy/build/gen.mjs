/** Generates the protobuf codecs (static code and types, not committed). Needs nothing but `node_modules/.bin/pbjs`. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..');

/** What is generated from what; a folder stands for every `.proto` in it. */
const TARGETS = [
  { from: 'proto/etcd', to: 'agent/subnet/etcd/generated/rpc.js' },
  { from: 'proto/weft/v1', to: 'controlplane/api/generated/weft.js' },
];

/**
 * --force-long: lease ids exceed 2^53, so int64 stays a Long until converted at the door.
 * --null-semantics: fields of a decoded message are typed as they really are.
 */
const FLAGS =
  '-t static-module -w esm --es6 --force-long --null-semantics --no-verify --no-convert ' +
  '--no-delimited --no-typeurl --no-service --dts';

for (const { from, to } of TARGETS) {
  const folder = join(ROOT, from);
  const files = existsSync(folder) ? readdirSync(folder) : [];
  const protos = files.filter((file) => file.endsWith('.proto')).map((file) => join(folder, file));
  if (protos.length === 0) continue;
  mkdirSync(dirname(join(ROOT, to)), { recursive: true });
  const pbjs = join(ROOT, 'node_modules/.bin/pbjs');
  execFileSync(pbjs, [...FLAGS.split(' '), '-o', join(ROOT, to), ...protos], { stdio: 'inherit' });
}
