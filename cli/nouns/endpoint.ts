import {
  WATCH,
  type Answer,
  type Argument,
  type Command,
  type Noun,
  type Option,
} from '../spec.ts';

const FIELDS: Answer['fields'] = {
  id: ['string', '16 hexadecimal digits'],
  host: ['string', 'the member that it is on'],
  mine: ['boolean', 'that is this host'],
  network: ['string', '`default`'],
  names: ['array', 'the first is the answer to the reverse question'],
  addresses: ['array', 'IPv4 before IPv6'],
  mac: ['string', 'absent of a host itself'],
  isHost: ['boolean', 'a host itself, by `weft expose`'],
  state: [
    'string',
    '`attached`, `attaching`, `detaching`, `away` (its container stopped); this and what follows of this host only',
  ],
  target: ['string', 'as it was asked for'],
  link: ['string', 'name of the interface inside'],
  hostLink: ['string', "name of this host's end of the pair"],
  bridge: ['string', 'of which that is a port'],
  namespace: ['string', 'a file that opens its network namespace'],
  container: ['string', "the runtime's id, if it is one"],
  since: ['time', 'since when it is attached, or away'],
  problem: ['string', 'one sentence, if something is wrong with it'],
  ports: ['array', 'named ports, as `http:80/tcp`'],
  links: ['array', 'what it alone calls others, as `db:store`; of this host’s own'],
  'inside.addresses': [
    'array',
    'with the length of the subnet; `inside` is known of this host’s own',
  ],
  'inside.gateways': ['array', 'of its network'],
  'inside.routes[].destination': ['string', 'of a route, the default one unless there is another'],
  'inside.routes[].gateway': ['string', 'where that leads to'],
  'inside.mtu': ['number', 'bytes'],
  'inside.domain': ['string', 'in which short names are looked for, unless DNS is off'],
  dnsInside: ['boolean', 'DNS answers on 127.0.0.11 inside; known of this host’s own'],
};
const ONE: Answer = { json: 'one endpoint', fields: FIELDS };

const NETWORK: Argument = {
  name: 'NETWORK',
  summary: 'the network; default, which every host has',
  optional: true,
  completes: 'network',
};
export const THE_ENDPOINT: Argument = {
  name: 'ENDPOINT',
  summary: 'a name, an id or a target',
  completes: 'endpoint',
};
const NAME: Option = {
  name: 'name',
  short: 'n',
  value: 'NAME',
  repeats: true,
  summary: 'a name of it, known on every host; may be repeated',
};
const ID: Option = {
  name: 'id',
  value: 'ID',
  summary: 'its id, 16 hexadecimal digits: asked again, the same id is the same endpoint',
};

export const ATTACH: Command = {
  name: 'attach',
  summary: 'join what has a network namespace to the network',
  description: [
    'TARGET is netns:NAME (of "ip netns"), netns:/PATH, pid:NUMBER, or ctr:NAME: a container of Docker, containerd or Podman on this host.',
    'It gets an interface, an address of this host’s subnet, a route to the network and, unless it has one, a default route. Its name, NAME or what the target is called, is known on every host a moment later. It stays attached when weftd is started anew; when its namespace goes, it goes too, and a container that is started again is attached again.',
    'For netns:NAME, /etc/netns/NAME/resolv.conf is written unless there is one; with --resolver, the file inside a container or of a process is.',
  ],
  arguments: [
    { name: 'TARGET', summary: 'netns:NAME, netns:/PATH, pid:NUMBER or ctr:NAME' },
    NETWORK,
  ],
  options: [
    NAME,
    {
      name: 'ip',
      value: 'ADDRESS',
      repeats: true,
      summary:
        "an address of the network, in default of this host's subnet; one of each family at most",
    },
    {
      name: 'gw',
      value: 'ADDRESS',
      summary:
        'where its default route leads to, in place of one that it has; none: no default route',
    },
    {
      name: 'ifname',
      value: 'NAME',
      summary: 'of the interface inside; else the first free of eth0, eth1, …',
    },
    {
      name: 'mac',
      value: 'MAC',
      summary: 'of the interface inside; else it follows from the address',
    },
    {
      name: 'resolver',
      summary: 'write /etc/resolv.conf inside, too; what it had is back at the end',
    },
    {
      name: 'port',
      value: 'NAME:NUMBER[/udp]',
      repeats: true,
      summary: 'a port of it by name, found as _NAME._tcp.ENDPOINT; may be repeated',
    },
    {
      name: 'link',
      value: 'NAME[:ALIAS]',
      repeats: true,
      summary: 'what it alone may call the endpoints named NAME; may be repeated',
    },
    {
      name: 'dns-inside',
      summary: 'answer questions for names on 127.0.0.11 inside, too',
    },
    ID,
  ],
  examples: [
    { line: 'weft attach ctr:web', does: 'a container, under its name' },
    { line: 'weft attach netns:lab --name db --ip 10.5.1.9', does: 'a namespace of "ip netns"' },
  ],
  answer: ONE,
  work: async () => await import('../commands/attach.ts'),
};

export const DETACH: Command = {
  name: 'detach',
  summary: 'take an endpoint of this host out of the network',
  arguments: [THE_ENDPOINT],
  examples: [
    { line: 'weft detach ctr:web', does: 'by what was attached; by name or id works, too' },
  ],
  answer: {
    json: 'one object',
    fields: { detached: ['boolean', 'false: there was none of that id'] },
  },
  work: async () => await import('../commands/detach.ts'),
};

export const EXPOSE: Command = {
  name: 'expose',
  summary: 'give this host itself a name in the network',
  description: ['It has the gateway’s address of its subnet there.'],
  arguments: [NETWORK],
  options: [NAME, ID],
  answer: ONE,
  work: async () => await import('../commands/expose.ts'),
};

export const HIDE: Command = {
  name: 'hide',
  summary: 'take the names of this host itself away',
  arguments: [NETWORK],
  answer: DETACH.answer as Answer,
  work: async () => await import('../commands/hide.ts'),
};

export const ENDPOINT: Noun = {
  name: 'endpoint',
  aliases: ['endpoints', 'ep'],
  summary: 'what has joined the network, on every host',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'every endpoint of every host',
      arguments: [
        {
          name: 'NAME',
          summary: 'only these, or those of this host',
          optional: true,
          repeats: true,
          completes: 'endpoint',
        },
      ],
      options: [WATCH],
      answer: { json: 'an array of endpoints', fields: FIELDS },
      work: async () => await import('../commands/endpoint-ls.ts'),
    },
    {
      name: 'inspect',
      aliases: ['show'],
      summary: 'all that is known of one',
      arguments: [THE_ENDPOINT],
      answer: ONE,
      work: async () => await import('../commands/endpoint-inspect.ts'),
    },
    {
      name: 'exec',
      summary: 'run a program in the network namespace of an endpoint of this host',
      description: ['The exit code is the program’s. Flags of the program come after --.'],
      arguments: [THE_ENDPOINT, { name: 'PROGRAM', summary: 'and its arguments', repeats: true }],
      examples: [
        { line: 'weft endpoint exec web -- ping -c1 db', does: 'as "ip netns exec" does it' },
      ],
      work: async () => await import('../commands/endpoint-exec.ts'),
    },
  ],
};
