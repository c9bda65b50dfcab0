/** Addresses of one network on three hosts at once, while hosts and etcd are killed: none is ever two's, and all come back. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { decodeKeyValue, EtcdClient } from '../../agent/etcd/client.ts';
import { address } from '../../agent/ip/address.ts';
import { prefix } from '../../agent/ip/prefix.ts';
import { EtcdAddressRegistry } from '../../agent/network/address-registry.ts';
import {
  formatDefinition,
  parseDefinition,
  type NetworkDefinition,
} from '../../agent/network/definition.ts';
import { networkSubnet } from '../../agent/network/subnet.ts';
import { isRefused } from '../../agent/subnet/parsed.ts';
import { freePort, startEtcd, type Etcd } from '../lab/etcd.ts';
import { eventually } from '../lab/eventually.ts';

const PROGRAM = fileURLToPath(new URL('programs/claims-host.ts', import.meta.url));
const COUNT = 1_000;
/** Something is killed whenever so many more allocations are done. */
const BETWEEN_KILLS = 40;

const definition = formatDefinition({
  id: '00000000000b10e0',
  name: 'blue',
  vni: 4096,
  subnets: {
    4: networkSubnet({ subnet: prefix('10.77.0.0/21') }),
    6: networkSubnet({ subnet: prefix('fd00:77::/64') }),
  },
  internal: false,
  encrypted: false,
  multicast: false,
  mtu: undefined,
  dnsTtl: undefined,
  labels: new Map(),
  created: new Date(),
});

type Given = Record<string, string>;

/** What is asked of it is asked again until it is answered, however often it is killed. */
class ClaimsHost {
  readonly name: string;
  readonly #args: readonly string[];
  #child: ChildProcess;
  #number = 0;
  #waiting = new Map<number, (answer: Given | undefined) => void>();
  kills = 0;

  constructor(name: string, ...args: readonly string[]) {
    this.name = name;
    this.#args = args;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, ...this.#args], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      const { id, answer } = JSON.parse(line) as { id: number; answer?: Given };
      this.#waiting.get(id)?.(answer);
      this.#waiting.delete(id);
    });
    child.stdin.on('error', () => undefined);
    return child;
  }

  async kill(): Promise<void> {
    this.kills++;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
    const unanswered = [...this.#waiting.values()];
    this.#waiting = new Map();
    this.#child = this.#start();
    for (const answer of unanswered) answer(undefined);
  }

  async ask(what: 'take' | 'release', endpoint: string): Promise<Given> {
    for (;;) {
      const id = ++this.#number;
      const answer = await new Promise<Given | undefined>((resolve) => {
        this.#waiting.set(id, resolve);
        this.#child.stdin?.write(`${JSON.stringify({ id, do: what, endpoint })}\n`);
      });
      if (answer !== undefined) return answer;
    }
  }

  async close(): Promise<void> {
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}

let directory: string;
let etcd: Etcd;
let client: EtcdClient;
let hosts: ClaimsHost[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weft-claims-'));
  etcd = await startEtcd({ port: await freePort(), dataDir: join(directory, 'etcd') });
  client = new EtcdClient({ endpoints: [etcd.endpoint] });
  const put = { type: 'put', key: '/weft/networks/blue', value: definition, lease: '0' } as const;
  await client.txn([], [put], []);
  hosts = ['h1', 'h2', 'h3'].map(
    (name) => new ClaimsHost(name, etcd.endpoint, name, join(directory, name), definition),
  );
});
afterAll(async () => {
  await Promise.all(hosts.map((host) => host.close()));
  client?.close();
  await etcd?.kill();
  if (directory !== undefined) rmSync(directory, { recursive: true });
});

/** Each answer counts, and every BETWEEN_KILLS of them the next victim is killed, etcd among them. */
async function allUnderKills(
  work: (host: ClaimsHost, endpoint: string) => Promise<Given>,
): Promise<Given[]> {
  const victims = [...hosts.map((host) => () => host.kill()), () => etcd.restart()];
  let killing = Promise.resolve();
  let done = 0;
  const answers = await Promise.all(
    Array.from({ length: COUNT }, async (_, i) => {
      const host = hosts[i % hosts.length];
      if (host === undefined) throw new Error('no host');
      const answer = await work(host, `e${i}`);
      if (++done % BETWEEN_KILLS === 0) {
        const victim = victims[(done / BETWEEN_KILLS) % victims.length];
        killing = killing.then(victim);
      }
      return answer;
    }),
  );
  await killing;
  return answers;
}

test('a thousand at once, both families', async () => {
  const given = await allUnderKills((host, endpoint) => host.ask('take', endpoint));
  const addresses = given.flatMap((each) => Object.values(each));
  expect(addresses).toHaveLength(2 * COUNT);
  expect(new Set(addresses).size).toBe(2 * COUNT);
  expect(hosts.every(({ kills }) => kills > 0)).toBe(true);
  // Asked again, each has what it was given.
  const again = await Promise.all(
    given.map(async (_, i) => await hosts[i % 3]?.ask('take', `e${i}`)),
  );
  expect(again).toEqual(given);
  const held = await keys();
  expect(addresses.filter((address) => !held.has(address))).toEqual([]);
}, 200_000);

test('everything comes back', async () => {
  await allUnderKills((host, endpoint) => host.ask('release', endpoint));
  await eventually(async () => (await keys()).size === 0, {
    within: 30_000,
    what: 'no address is anybody’s',
  });
}, 200_000);

test('nothing is claimed in another network of the same name; one that others have written is the same', async () => {
  const registry = new EtcdAddressRegistry(client, '/weft');
  const network = definitionOf(definition);
  const write = async (text: string): Promise<unknown> =>
    await client.txn(
      [],
      [{ type: 'put', key: '/weft/networks/blue', value: text, lease: '0' }],
      [],
    );
  const claim = async (): Promise<unknown> =>
    await registry.claim(network, [address('10.77.0.9')], 'h1', await registry.grant(60));
  await write(`${definition} `);
  expect(await claim()).toEqual(new Map());
  await write(definition.replace(network.id, '00000000000b10e1'));
  expect(await claim()).toBeUndefined();
  await client.txn([], [{ type: 'delete', key: '/weft/networks/blue' }], []);
  expect(await claim()).toBeUndefined();
});

function definitionOf(text: string): NetworkDefinition {
  const parsed = parseDefinition('blue', text);
  if (isRefused(parsed)) throw new Error(parsed.reason);
  return parsed.value;
}

async function keys(): Promise<Set<string>> {
  const { encoded } = await client.list('/weft/addresses/');
  return new Set(encoded.map((bytes) => decodeKeyValue(bytes).key.split('/').at(-1) ?? ''));
}
