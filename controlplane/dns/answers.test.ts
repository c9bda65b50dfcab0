import { beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../names/index.ts';
import { Answers, type Asker } from './answers.ts';
import { NameIndex, reverseName } from './name-index.ts';
import { writeReply } from './reply.ts';
import { question, readAnswer, type Asked, type ReadAnswer } from './client.ts';
import { queryOf } from './testing.ts';
import { RCODE, TYPE } from './wire.ts';

const v4 = (text: string): Uint8Array => Uint8Array.from(text.split('.'), Number);
const V6 = Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 7);

function endpoint(
  id: number,
  network: string,
  name: string,
  more: Partial<Endpoint> = {},
): Endpoint {
  return {
    id: id.toString(16).padStart(16, '0'),
    network,
    addresses: [v4(`10.5.${network === 'app' ? 1 : 2}.${id}`)],
    mac: new Uint8Array(6),
    names: [name],
    ports: [],
    host: false,
    ...more,
  };
}

const APP: Asker = { networks: ['app'], forwards: true };
const BOTH: Asker = { networks: ['app', 'back'], forwards: true };
const SETTINGS = {
  domain: 'weft',
  ttl: 1,
  ttlOf: new Map([['back', 30]]),
  networks: new Set(['quiet']),
};

let index: NameIndex;
let answers: Answers;

function put(owner: string, value: Endpoint): void {
  index.setEndpoint(owner, value.id, value);
}

beforeEach(() => {
  index = new NameIndex();
  answers = new Answers(index, SETTINGS, () => 0);
  put('h1', endpoint(1, 'app', 'web', { ports: [{ name: 'http', protocol: 'tcp', port: 80 }] }));
  put('h2', endpoint(2, 'app', 'db', { addresses: [v4('10.5.1.2'), V6] }));
  put('h2', endpoint(3, 'back', 'db'));
  put('h2', endpoint(4, 'back', 'store'));
  put('h2', endpoint(5, 'app', 'rr.1'));
  index.setHost('h1', 'h1', [v4('192.0.2.1')]);
  index.setHost('h2', 'h2', [v4('192.0.2.2')]);
});

/** As a client sees it; `forward` where others are asked. */
function ask(name: string, asker = APP, asked: Asked = {}): ReadAnswer | 'forward' {
  const query = queryOf(name, asked);
  const reply = answers.answer(query, asker);
  if (reply === 'forward') return 'forward';
  const out = new Uint8Array(4096);
  return readAnswer(out.subarray(0, writeReply(out, question(name, asked), query, reply, 4096)));
}

function data(name: string, asker = APP, asked: Asked = {}): readonly string[] | string {
  const answer = ask(name, asker, asked);
  if (answer === 'forward') return 'forward';
  if (answer.rcode !== 0) return `rcode ${answer.rcode}`;
  return answer.answers.map((record) => record.data);
}

const NXDOMAIN = `rcode ${RCODE.NXDOMAIN}`;
const REFUSED = `rcode ${RCODE.REFUSED}`;

it('a name of a network in which nobody has one yet does not leave', () => {
  const empty: Asker = { networks: ['empty'], forwards: true };
  expect(ask('db.empty', empty)).toMatchObject({ rcode: RCODE.NXDOMAIN });
  expect(ask('db.empty')).toBe('forward');
});

describe('the names of an asker', () => {
  it.each([
    ['web', ['10.5.1.1']],
    ['WEB', ['10.5.1.1']],
    ['web.app', ['10.5.1.1']],
    ['web.app.weft', ['10.5.1.1']],
    ['web.weft', ['10.5.1.1']],
    ['rr.1', ['10.5.1.5']],
    ['rr.1.app', ['10.5.1.5']],
    ['0000000000000001', ['10.5.1.1']],
    ['h2.host.weft', ['192.0.2.2']],
    ['h2.host', ['192.0.2.2']],
    ['localhost', ['127.0.0.1']],
    ['a.localhost', ['127.0.0.1']],
  ])('has %s', (name, addresses) => {
    expect(data(name)).toEqual(addresses);
  });

  it.each([
    ['store', NXDOMAIN],
    ['store.back', NXDOMAIN],
    ['store.back.weft', NXDOMAIN],
    ['nothing.weft', NXDOMAIN],
    ['nothing.app', NXDOMAIN],
    ['h3.host.weft', NXDOMAIN],
    ['back.weft', NXDOMAIN],
    ['com', NXDOMAIN],
    ['a.invalid', NXDOMAIN],
    ['printer.local', NXDOMAIN],
    ['2.1.168.192.in-addr.arpa', NXDOMAIN],
    ['9.9.5.10.in-addr.arpa', NXDOMAIN],
    ['b._dns-sd._udp.0.1.168.192.in-addr.arpa', NXDOMAIN],
    ['example.com', 'forward'],
    ['1.2.0.192.example', 'forward'],
    ['8.8.8.8.in-addr.arpa', 'forward'],
    ['', 'forward'],
    ['x\\046.weft', NXDOMAIN],
  ])('lacks %s: %s', (name, outcome) => {
    expect(data(name)).toEqual(outcome);
  });

  it('are those of the first of its networks that has it, and of all for the host', () => {
    expect(data('db', BOTH)).toEqual(['10.5.1.2']);
    expect(data('db', { ...BOTH, networks: ['back', 'app'] })).toEqual(['10.5.2.3']);
    expect(data('db.back', BOTH)).toEqual(['10.5.2.3']);
    expect(data('store', { networks: 'all', forwards: true })).toEqual(['10.5.2.4']);
  });

  it('can be aliases of its own', () => {
    const linked = { ...BOTH, aliases: new Map([['uno', 'store.back']]) };
    expect(data('uno', linked)).toEqual(['10.5.2.4']);
    expect(data('uno', BOTH)).toBe(NXDOMAIN);
  });

  it('have the TTL of their network, or the one a static record says', () => {
    index.setName('h1', 'back/gw/192.0.2.9', {
      name: 'gw',
      network: 'back',
      address: v4('192.0.2.9'),
      ttl: 300,
    });
    const ttls = ['web', 'store', 'gw'].map((name) => {
      const answer = ask(name, BOTH);
      return answer === 'forward' ? undefined : answer.answers[0]?.ttl;
    });
    expect(ttls).toEqual([1, 30, 300]);
  });
});

describe('types', () => {
  it('AAAA is there where there is a v6 address, and empty where not', () => {
    expect(data('db', APP, { type: TYPE.AAAA })).toEqual([Buffer.from(V6).toString('hex')]);
    expect(data('web', APP, { type: TYPE.AAAA })).toEqual([]);
  });

  it.each([2, 5, 6, 15, 16, 64, 65, 257])(
    '%i of a name of ours is empty, and goes nowhere',
    (type) => {
      expect(data('web', APP, { type })).toEqual([]);
      expect(data('web.app.weft', APP, { type })).toEqual([]);
    },
  );

  it('ANY is minimal, also for names of others', () => {
    const hinfo = Buffer.from('\x07RFC8482\x00').toString('hex');
    expect(data('web', APP, { type: TYPE.ANY })).toEqual([hinfo]);
    expect(data('example.com', APP, { type: TYPE.ANY })).toEqual([hinfo]);
  });

  it('AXFR, and classes but IN, are refused', () => {
    expect(data('weft', APP, { type: TYPE.AXFR })).toBe(REFUSED);
    expect(data('version.bind', APP, { type: 16, class: 3 })).toBe(REFUSED);
  });

  it('PTR gives NAME.NETWORK, to who may see it', () => {
    const ptr = { type: TYPE.PTR };
    expect(data('1.1.5.10.in-addr.arpa', APP, ptr)).toEqual(['web.app']);
    expect(data(reverseName(V6), APP, ptr)).toEqual(['db.app']);
    expect(data('4.2.5.10.in-addr.arpa', APP, ptr)).toBe(NXDOMAIN);
    expect(data('4.2.5.10.in-addr.arpa', BOTH, ptr)).toEqual(['store.back']);
    expect(data('2.2.0.192.in-addr.arpa', APP, ptr)).toEqual(['h2.host']);
    expect(data('1.1.5.10.in-addr.arpa', APP)).toEqual([]);
  });

  it('SRV gives port and target, and the target’s addresses beside', () => {
    const srv = { type: TYPE.SRV };
    expect(ask('_http._tcp.web', APP, srv)).toMatchObject({
      answers: [{ name: '_http._tcp.web', data: '0 1 80 web.app.weft' }],
      additional: [{ name: 'web.app.weft', data: '10.5.1.1' }],
    });
    expect(data('_http._tcp.web.app.weft', APP, srv)).toEqual(['0 1 80 web.app.weft']);
    expect(data('_http._tcp.web', APP)).toEqual([]);
    expect(data('_tcp.web', APP, srv)).toEqual([]);
    expect(data('_https._tcp.web', APP, srv)).toBe(NXDOMAIN);
    expect(data('_http._udp.web.app.weft', APP, srv)).toBe(NXDOMAIN);
    expect(data('_ldap._tcp.example.com', APP, srv)).toBe('forward');
  });

  it('SRV of several endpoints names each by its id', () => {
    put('h2', endpoint(9, 'app', 'web', { ports: [{ name: 'http', protocol: 'tcp', port: 81 }] }));
    const targets = data('_http._tcp.web', APP, { type: TYPE.SRV });
    expect(Array.from(targets).sort()).toEqual([
      '0 1 80 0000000000000001.app.weft',
      '0 1 81 0000000000000009.app.weft',
    ]);
    expect(data('0000000000000009.app.weft')).toEqual(['10.5.1.9']);
  });
});

describe('an answer that there is nothing', () => {
  it('says how long it may be kept, where the name is of our domain', () => {
    expect(ask('nothing.weft')).toMatchObject({
      authority: [{ name: 'weft', type: TYPE.SOA, ttl: 1 }],
    });
    expect(ask('web.app.weft', APP, { type: 15 })).toMatchObject({ authority: [{ name: 'weft' }] });
    expect(ask('nothing')).toMatchObject({ authority: [] });
  });

  it('is no denial of what is below: the domain, networks and hosts are there', () => {
    expect(data('weft')).toEqual([]);
    expect(data('app.weft')).toEqual([]);
    expect(data('host.weft')).toEqual([]);
  });
});

describe('what leaves this host', () => {
  it('is nothing below a network that is defined, though nobody is in it, whoever asks', () => {
    const host: Asker = { networks: 'all', forwards: true };
    for (const asker of [APP, BOTH, host]) {
      expect(data('db.quiet', asker)).toBe(NXDOMAIN);
      expect(data('_pg._tcp.db.quiet', asker)).toBe(NXDOMAIN);
    }
    expect(data('quiet.weft', host)).toEqual([]);
    expect(data('quiet.weft', APP)).toBe(NXDOMAIN);
    answers.configure({ ...SETTINGS, networks: new Set() });
    expect(data('db.quiet', host)).toBe('forward');
  });

  it('is nothing, of an asker whose network is internal', () => {
    const internal = { ...APP, forwards: false };
    expect(data('example.com', internal)).toBe(REFUSED);
    expect(data('web', internal)).toEqual(['10.5.1.1']);
  });
});

describe('several addresses of one name', () => {
  it('are all answered, in any order', () => {
    const numbers = [0.9, 0.1, 0.5, 0.3, 0.7];
    let turn = 0;
    answers = new Answers(index, SETTINGS, () => numbers[turn++ % numbers.length] as number);
    for (let i = 10; i < 50; i++) put('h1', endpoint(i, 'app', 'many'));
    const all = Array.from({ length: 40 }, (_, i) => `10.5.1.${i + 10}`).sort();
    const heads = new Set<string | undefined>();
    for (let i = 0; i < 5; i++) {
      const list = data('many');
      expect(Array.from(list).sort()).toEqual(all);
      heads.add(list[0]);
    }
    expect(heads.size).toBeGreaterThan(1);
  });

  it('come once each, whoever says them', () => {
    const record = { name: 'web', network: 'app', address: v4('10.5.1.1'), ttl: 5 };
    index.setName('h1', 'app/web/10.5.1.1', record);
    index.setName('h2', 'app/web/10.5.1.1', record);
    expect(data('web')).toEqual(['10.5.1.1']);
    index.setName('h1', 'app/web/10.5.1.1', undefined);
    index.setEndpoint('h1', '0000000000000001', undefined);
    expect(data('web')).toEqual(['10.5.1.1']);
    index.setName('h2', 'app/web/10.5.1.1', undefined);
    expect(data('web')).toBe(NXDOMAIN);
  });
});

describe('what leaves this host', () => {
  it.each([
    ['web.1.app'],
    ['_http._tcp.nobody.app'],
    ['_http._tcp.nobody'],
    ['_tcp.nobody'],
    ['a.b.c.back'],
    ['x.y.host'],
    ['svc.1'],
    ['10.5.1.2'],
  ])('is not %s, which nobody has', (name) => {
    expect(ask(name)).toMatchObject({ rcode: RCODE.NXDOMAIN });
  });

  it.each([['www.example.com'], ['app.example.com'], ['_http._tcp.example.com']])(
    'is %s',
    (name) => {
      expect(ask(name)).toBe('forward');
    },
  );
});

it('a name that would be too long as a target has its id instead', () => {
  const label = (length: number): string => 'a'.repeat(length);
  const network = label(63);
  const domain = `${label(49)}.${label(50)}`;
  const [name, ports] = [`${label(63)}.${label(63)}`, [{ name: 'p', protocol: 'udp', port: 9 }]];
  const long = endpoint(9, network, name, { ports: ports as Endpoint['ports'] });
  put('h1', long);
  answers.configure({ ...SETTINGS, domain });
  const answer = ask(
    `_p._udp.${name}`,
    { networks: [network], forwards: true },
    { type: TYPE.SRV },
  );
  expect(answer).toMatchObject({
    answers: [{ data: `0 1 9 ${long.id}.${network}.${domain}` }],
  });
});
