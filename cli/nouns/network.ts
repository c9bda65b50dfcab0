import { ATTACH, THE_ENDPOINT } from './endpoint.ts';
import { WATCH, type Answer, type Argument, type Noun } from '../spec.ts';

const FIELDS: Answer['fields'] = {
  id: ['string', '16 hexadecimal digits; empty of `default`, whose subnets are leased'],
  name: ['string', 'as it was called'],
  vni: ['number', 'its VXLAN identifier; absent of `default`'],
  subnets: ['array', 'one of each family at most, IPv4 first'],
  'subnets[].subnet': ['string', 'a prefix'],
  'subnets[].gateway': ['string', 'the same on every host; absent of `default`'],
  'subnets[].range': ['string', 'what addresses are given from, where it is not the subnet'],
  'subnets[].aux': ['array', '`NAME=ADDRESS`: never given'],
  internal: ['boolean', 'nothing is forwarded out of it or into it'],
  encrypted: ['boolean', 'between hosts by WireGuard only'],
  multicast: ['boolean', 'multicast and broadcast reach all its hosts'],
  mtu: ['number', 'in bytes, if one was chosen'],
  dnsTtl: ['number', 'in seconds, if one was chosen'],
  labels: ['array', '`KEY=VALUE`'],
  created: ['time', 'when it was made'],
  endpoints: ['number', 'how many are in it, on all hosts'],
};
const ONE: Answer = { json: 'one network', fields: FIELDS };
const MANY: Answer = { json: 'an array of networks', fields: FIELDS };

const NAMES: Argument = {
  name: 'NETWORK',
  summary: 'a name or an id',
  repeats: true,
  completes: 'network',
};

const THE_NETWORK: Argument = { name: 'NETWORK', summary: 'a name or an id', completes: 'network' };

export const NETWORK: Noun = {
  name: 'network',
  aliases: ['networks', 'net'],
  summary: 'networks that users make, on every host',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'every network, and how many endpoints are in it',
      arguments: [{ ...NAMES, summary: 'only these', optional: true }],
      options: [WATCH],
      answer: MANY,
      work: async () => await import('../commands/network-ls.ts'),
    },
    {
      name: 'create',
      aliases: ['add'],
      summary: 'make a network; every host knows it a moment later',
      description: [
        'Without --subnet it gets the first free one of the pools (--network-pool of weftd). A subnet that overlaps another network, the leased range, or a route of any host is refused.',
        'A gateway, a range or an auxiliary address belongs to the subnet of its family.',
      ],
      arguments: [{ name: 'NAME', summary: 'letters, digits and hyphens, in lower case' }],
      options: [
        {
          name: 'subnet',
          value: 'PREFIX',
          repeats: true,
          summary: 'as 10.77.0.0/16; one of each family at most',
        },
        {
          name: 'gateway',
          value: 'ADDRESS',
          repeats: true,
          summary: 'of a subnet; else its first free address',
        },
        {
          name: 'ip-range',
          value: 'PREFIX',
          repeats: true,
          summary: 'the part of a subnet that addresses are given from',
        },
        {
          name: 'aux-address',
          value: 'NAME=ADDRESS',
          repeats: true,
          summary: "an address that is somebody else's, and never given",
        },
        { name: 'ipv6', summary: 'an IPv6 subnet too, from the pools unless --subnet has one' },
        { name: 'internal', summary: 'nothing is forwarded out of it or into it' },
        {
          name: 'opt',
          short: 'o',
          value: 'OPTION',
          repeats: true,
          summary: 'encrypted: between hosts by WireGuard only; multicast: as on one wire',
          completes: ['encrypted', 'multicast'],
        },
        { name: 'mtu', value: 'BYTES', summary: 'else as large as the underlay allows' },
        { name: 'dns-ttl', value: 'SECONDS', summary: 'of names in it; else --dns-ttl of weftd' },
        { name: 'label', value: 'KEY=VALUE', repeats: true, summary: 'for whoever reads it' },
        {
          name: 'id',
          value: 'ID',
          summary: 'its id, 16 hexadecimal digits: asked again, the same id is the same network',
        },
      ],
      examples: [
        { line: 'weft network create blue', does: 'with a subnet of the pools' },
        {
          line: 'weft network create lab --subnet 10.77.0.0/16 --ip-range 10.77.4.0/22 --internal',
          does: 'addresses from a part of it, and no way out',
        },
      ],
      answer: ONE,
      work: async () => await import('../commands/network-create.ts'),
    },
    {
      name: 'inspect',
      aliases: ['show'],
      summary: 'all that is known of one, and who is in it on every host',
      arguments: [THE_NETWORK],
      answer: {
        json: 'one network, and who is in it',
        fields: {
          ...FIELDS,
          members: ['array', 'its endpoints, as `weft endpoint ls` has them'],
        },
      },
      work: async () => await import('../commands/network-inspect.ts'),
    },
    {
      name: 'connect',
      summary: 'let an endpoint of this host join a network, too, while it runs',
      description: ['As weft attach does it; it stays in the networks that it is in.'],
      arguments: [{ ...THE_NETWORK, summary: 'its name' }, THE_ENDPOINT],
      ...(ATTACH.options && { options: ATTACH.options }),
      examples: [
        { line: 'weft network connect blue web --ip 10.77.0.9', does: 'with an address of choice' },
      ],
      ...(ATTACH.answer && { answer: ATTACH.answer }),
      work: async () => await import('../commands/network-connect.ts'),
    },
    {
      name: 'disconnect',
      summary: 'take an endpoint of this host out of one network; it stays in the others',
      arguments: [{ ...THE_NETWORK, summary: 'its name' }, THE_ENDPOINT],
      answer: {
        json: 'one object',
        fields: { detached: ['boolean', 'false: it had gone meanwhile'] },
      },
      work: async () => await import('../commands/network-disconnect.ts'),
    },
    {
      name: 'rm',
      aliases: ['remove'],
      summary: 'remove networks that nobody is in, on any host',
      arguments: [NAMES],
      answer: { ...MANY, json: 'an array of networks that were removed' },
      work: async () => await import('../commands/network-rm.ts'),
    },
    {
      name: 'prune',
      summary: 'remove every network that nobody is in, on any host',
      description: ['Without --yes it only says which these are.'],
      options: [{ name: 'yes', short: 'y', summary: 'remove them' }],
      answer: { ...MANY, json: 'an array of networks that were removed, or would be' },
      work: async () => await import('../commands/network-prune.ts'),
    },
  ],
};
