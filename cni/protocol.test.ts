import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CniError } from './error.ts';
import { parseCall, VERSIONS, versionIn, type Call, type Environment } from './protocol.ts';

const ENV = {
  CNI_CONTAINERID: 'default-web',
  CNI_NETNS: '/proc/7/ns/net',
  CNI_IFNAME: 'eth0',
  CNI_PATH: '/opt/cni/bin',
  CNI_ARGS: '',
};
const CONFIG = { cniVersion: '1.1.0', name: 'weftnet', type: 'weft' };
const BASE = {
  version: '1.1.0',
  name: 'weftnet',
  network: 'default',
  socket: '/run/weft/weft.sock',
};
const ATTACHMENT = { container: 'default-web', link: 'eth0' };
const VALID = 'cni.dev/valid-attachments';

const call = (verb: string, config: object = {}, env: Environment = {}): Call =>
  parseCall({ ...ENV, CNI_COMMAND: verb, ...env }, JSON.stringify({ ...CONFIG, ...config }));

function refusal(work: () => unknown): { code: number; message: string } {
  try {
    work();
  } catch (thrown) {
    if (thrown instanceof CniError) return thrown;
    throw thrown;
  }
  throw new Error('it is not refused');
}

describe('a call', () => {
  test('of ADD, with no wishes', () => {
    expect(call('ADD')).toEqual({
      verb: 'ADD',
      config: BASE,
      attachment: ATTACHMENT,
      namespace: '/proc/7/ns/net',
      wishes: {
        addresses: [],
        mac: undefined,
        names: [],
        isDefaultGateway: true,
        dns: { servers: [], domain: undefined, searches: [], options: [] },
      },
      previous: undefined,
    });
  });

  test('of ADD, with all of them: the runtime counts before the configuration', () => {
    const wishes = {
      network: 'blue',
      socket: '/tmp/sock',
      ip: '10.6.0.9',
      mac: '02:00:00:00:00:01',
      isDefaultGateway: false,
      dns: { nameservers: ['1.1.1.1'], domain: 'example', search: ['a'], options: ['o'] },
    };
    const asked = call('ADD', wishes, { CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAME=pod-1' });
    expect(asked).toMatchObject({
      config: { network: 'blue', socket: '/tmp/sock' },
      wishes: {
        addresses: ['10.6.0.9'],
        mac: '02:00:00:00:00:01',
        names: ['pod-1'],
        isDefaultGateway: false,
        dns: { servers: ['1.1.1.1'], domain: 'example', searches: ['a'], options: ['o'] },
      },
    });
    const runtimeConfig = {
      ips: ['10.6.0.7/24', 'fd00::7/64'],
      mac: '02:00:00:00:00:02',
      aliases: ['db'],
      dns: { servers: ['2.2.2.2'], searches: ['b'] },
      portMappings: [{ hostPort: 1 }],
    };
    const given = { CNI_ARGS: 'IP=10.6.0.8;MAC=02:00:00:00:00:03' };
    expect(call('ADD', { ...wishes, runtimeConfig }, given)).toMatchObject({
      wishes: {
        addresses: ['10.6.0.7', 'fd00::7'],
        mac: '02:00:00:00:00:02',
        names: ['db'],
        dns: { servers: ['2.2.2.2'], searches: ['b'], options: ['o'] },
      },
    });
    expect(call('ADD', wishes, given)).toMatchObject({
      wishes: { addresses: ['10.6.0.8'], mac: '02:00:00:00:00:03' },
    });
  });

  test('of ADD, with aliases as Podman gives them', () => {
    const aliases = { weftnet: ['db', '0123456789ab'], other: ['x'] };
    expect(call('ADD', { runtimeConfig: { aliases } })).toMatchObject({
      wishes: { names: ['db', '0123456789ab'] },
    });
  });

  test('of DEL needs no namespace', () => {
    const env = { CNI_NETNS: '' };
    expect(call('DEL', {}, env)).toEqual({ verb: 'DEL', config: BASE, attachment: ATTACHMENT });
  });

  test('of GC tells what is valid', () => {
    const valid = [{ containerID: 'a', ifname: 'eth0' }];
    expect(call('GC', { [VALID]: valid })).toEqual({
      verb: 'GC',
      config: BASE,
      valid: [{ container: 'a', link: 'eth0' }],
    });
    expect(call('GC', { [VALID]: [] })).toMatchObject({ valid: [] });
  });

  test('of VERSION is answered whatever comes with it', () => {
    const version = (input: string): unknown => parseCall({ CNI_COMMAND: 'VERSION' }, input);
    expect(version('{"cniVersion":"0.4.0"}')).toEqual({ verb: 'VERSION', version: '0.4.0' });
    expect(version('')).toEqual({ verb: 'VERSION', version: '1.1.0' });
    expect(version('{"cniVersion":"9.9.9"}')).toEqual({ verb: 'VERSION', version: '1.1.0' });
  });
});

test.each<[string, string, object, Environment, number, string]>([
  ['no command', '', {}, {}, 4, 'CNI_COMMAND is missing'],
  ['another command', 'REMOVE', {}, {}, 4, '"REMOVE"'],
  ['a property of every object', 'constructor', {}, {}, 4, '"constructor"'],
  ['no container', 'ADD', {}, { CNI_CONTAINERID: '' }, 4, 'CNI_CONTAINERID'],
  ['a container with a slash', 'DEL', {}, { CNI_CONTAINERID: 'a/b' }, 4, 'CNI_CONTAINERID'],
  ['a long container', 'DEL', {}, { CNI_CONTAINERID: 'a'.repeat(129) }, 4, 'CNI_CONTAINERID'],
  ['no interface', 'DEL', {}, { CNI_IFNAME: undefined }, 4, 'CNI_IFNAME'],
  ['a long interface', 'ADD', {}, { CNI_IFNAME: 'é'.repeat(8) }, 4, 'CNI_IFNAME'],
  ['no namespace', 'ADD', {}, { CNI_NETNS: '' }, 4, 'CNI_NETNS'],
  ['a relative namespace', 'CHECK', {}, { CNI_NETNS: 'run/netns/a' }, 4, 'CNI_NETNS'],
  ['arguments without values', 'ADD', {}, { CNI_ARGS: 'IP=1;x' }, 4, 'CNI_ARGS has "x"'],
  ['no version', 'ADD', { cniVersion: undefined }, {}, 1, 'no "cniVersion"'],
  ['an old version', 'ADD', { cniVersion: '0.2.0' }, {}, 1, '"0.2.0"'],
  [
    'CHECK before there was one',
    'CHECK',
    { cniVersion: '0.3.1' },
    {},
    1,
    'before cniVersion 0.4.0',
  ],
  ['GC before there was one', 'GC', { cniVersion: '1.0.0', [VALID]: [] }, {}, 1, 'before'],
  ['STATUS before there was one', 'STATUS', { cniVersion: '1.0.0' }, {}, 1, 'before'],
  ['no name', 'ADD', { name: undefined }, {}, 7, '"name"'],
  ['a name with a slash', 'DEL', { name: 'a/b' }, {}, 7, '"name"'],
  ['a version that is a number', 'ADD', { cniVersion: 1 }, {}, 7, '"cniVersion"'],
  ['a network that is none', 'ADD', { network: 7 }, {}, 7, '"network"'],
  ['a path that is too long', 'ADD', { socket: 'x'.repeat(5000) }, {}, 7, '"socket"'],
  ['a flag that is text', 'ADD', { isDefaultGateway: 'no' }, {}, 7, '"isDefaultGateway"'],
  ['a list that is none', 'ADD', { runtimeConfig: { ips: 'a' } }, {}, 7, '"ips"'],
  [
    'a list that is long',
    'ADD',
    { runtimeConfig: { aliases: Array(257).fill('a') } },
    {},
    7,
    '"aliases"',
  ],
  ['an object that is none', 'ADD', { runtimeConfig: [] }, {}, 7, '"runtimeConfig"'],
  ['a result that is none', 'ADD', { prevResult: 'x' }, {}, 7, '"prevResult"'],
  ['a result of texts', 'ADD', { prevResult: { ips: ['x'] } }, {}, 7, '"ips"'],
  ['CHECK without a result', 'CHECK', {}, {}, 7, '"prevResult"'],
  ['GC without a list', 'GC', {}, {}, 7, VALID],
  ['GC with a list of texts', 'GC', { [VALID]: ['a'] }, {}, 7, VALID],
])('%s is refused', (_, verb, config, env, code, part) => {
  const { code: found, message } = refusal(() => call(verb, config, env));
  expect([found, message]).toEqual([code, expect.stringContaining(part)]);
});

test.each([
  ['nothing', '', 'is no JSON'],
  ['half of it', '{"cniVersion":"1.1.0"', 'is no JSON'],
  ['a list', '[]', 'is no object'],
  ['nothing but null', 'null', 'is no object'],
  ['what is nested deep', `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, '64 deep'],
])('%s on stdin is refused', (_, input, part) => {
  const { code, message } = refusal(() => parseCall({ ...ENV, CNI_COMMAND: 'ADD' }, input));
  expect([code, message]).toEqual([6, expect.stringContaining(part)]);
});

test('a key twice counts once', () => {
  const input = `{"cniVersion":"0.4.0","name":"a",${JSON.stringify(CONFIG).slice(1)}`;
  expect(parseCall({ ...ENV, CNI_COMMAND: 'STATUS' }, input)).toEqual({
    verb: 'STATUS',
    config: BASE,
  });
});

/** A text, list or object where another was. */
const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.string({ unit: 'binary', maxLength: 5000 }),
  fc.array(fc.string(), { maxLength: 300 }),
);
const KEYS = [
  'cniVersion',
  'name',
  'network',
  'socket',
  'ip',
  'mac',
  'isDefaultGateway',
  'dns',
  'runtimeConfig',
  'prevResult',
  VALID,
  '__proto__',
];

test('whatever comes, there is a call, or one sentence on one line', () => {
  const verbs = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION', 'x'];
  const env = fc.record(
    Object.fromEntries(
      Object.entries({ ...ENV, CNI_COMMAND: 'ADD' }).map(([key, value]) => [
        key,
        key === 'CNI_COMMAND'
          ? fc.constantFrom(...verbs)
          : fc.oneof({ weight: 5, arbitrary: fc.constant(value) }, fc.string({ unit: 'binary' })),
      ]),
    ),
    { requiredKeys: ['CNI_COMMAND'] },
  );
  const config = fc
    .dictionary(fc.constantFrom(...KEYS), anything, { maxKeys: 3 })
    .map((changes) => JSON.stringify({ ...CONFIG, ...changes }));
  const input = fc.oneof(
    { weight: 6, arbitrary: config },
    fc.tuple(config, fc.nat(200)).map(([text, at]) => text.slice(0, at)),
    fc.string({ unit: 'binary' }),
  );
  fc.assert(
    fc.property(env, input, (environment, text) => {
      expect(VERSIONS).toContain(versionIn(text));
      try {
        expect(verbs).toContain(parseCall(environment, text).verb);
      } catch (thrown) {
        if (!(thrown instanceof CniError)) throw thrown;
        const { code, message } = thrown;
        expect([1, 4, 6, 7]).toContain(code);
        expect(message.length).toBeLessThan(500);
        expect(message).not.toContain('\n');
      }
    }),
  );
});
