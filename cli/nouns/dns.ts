import { CHANGE_ID, type Answer, type Noun } from '../spec.ts';

const NAME_FIELDS: Answer['fields'] = {
  name: ['string', 'without network and domain'],
  network: ['string', '`host` for hosts'],
  address: ['string', 'one of it'],
  kind: ['string', '`endpoint`, `static` or `host`'],
  host: ['string', 'the member that says it'],
  mine: ['boolean', 'that is this host'],
  ttl: ['number', 'in seconds'],
  ports: ['array', 'named ports of an endpoint, as `http:80/tcp`'],
};
const NAME = {
  name: 'NAME',
  summary:
    'NAME, or NAME.NETWORK, with the domain behind it or without; of the network default if it has none',
} as const;

export const DNS: Noun = {
  name: 'dns',
  aliases: ['names'],
  summary: 'names that this network answers for',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'every name of every network, and who says it',
      arguments: [{ name: 'NAME', summary: 'only these', optional: true, repeats: true }],
      answer: { json: 'an array of names', fields: NAME_FIELDS },
      work: async () => await import('../commands/dns-ls.ts'),
    },
    {
      name: 'lookup',
      aliases: ['get'],
      summary: 'what DNS on this host answers',
      description: [
        'NAME is asked as this host itself would, who sees all networks, or with --network as an endpoint of that one. An address is asked for its name.',
      ],
      arguments: [
        { name: 'NAME', summary: 'a name or an address' },
        { name: 'TYPE', summary: 'A, AAAA, PTR, SRV, …; A if it is left out', optional: true },
      ],
      options: [{ name: 'network', value: 'NETWORK', summary: 'ask as an endpoint of it' }],
      examples: [{ line: 'weft dns lookup _http._tcp.web srv', does: 'where a named port is' }],
      answer: {
        json: 'one object',
        fields: {
          status: [
            'string',
            '`NOERROR`, `NXDOMAIN` (there is none), `SERVFAIL` (nobody can tell), …',
          ],
          own: ['boolean', "this network's own answer, and not another server's"],
          answers: ['array', 'records: `name`, `type`, `ttl`, `data`'],
          'answers[].name': ['string', 'as it was asked'],
          'answers[].type': ['string', '`A`, …'],
          'answers[].ttl': ['number', 'in seconds'],
          'answers[].data': [
            'string',
            'an address, a name, `PRIORITY WEIGHT PORT TARGET`, or hexadecimal',
          ],
        },
      },
      work: async () => await import('../commands/dns-lookup.ts'),
    },
    {
      name: 'add',
      summary: 'say a static record, to every host',
      description: [
        'It is kept over restarts of weftd, and as long as this host is there. The same again changes its TTL.',
      ],
      arguments: [NAME, { name: 'ADDRESS', summary: 'IPv4 or IPv6' }],
      options: [
        {
          name: 'ttl',
          value: 'SECONDS',
          summary: 'how long who asks may keep it; else --dns-ttl of weftd',
        },
      ],
      examples: [{ line: 'weft dns add db.default 192.0.2.7 --ttl 30', does: 'a machine outside' }],
      answer: { json: 'one name', fields: NAME_FIELDS },
      work: async () => await import('../commands/dns-add.ts'),
    },
    {
      name: 'rm',
      aliases: ['remove'],
      summary: 'take a static record of this host away',
      arguments: [NAME, { name: 'ADDRESS', summary: 'only this one of it', optional: true }],
      options: [CHANGE_ID],
      answer: { json: 'one object', fields: { removed: ['number', 'how many records'] } },
      work: async () => await import('../commands/dns-rm.ts'),
    },
    {
      name: 'check',
      summary: 'ask every host for every name, and tell who disagrees',
      description: [
        'Every host asks its own DNS for every name it knows of (A and AAAA), and tells digests of the answers; where these differ, the names are asked for again, and once more after a second and a half. A line for each name and host that answers otherwise than the host whose name it is, and one for each host that was not heard.',
        'It exits with 0 if all hosts answered and agree, else with 1. Of names that differ 64 are looked at.',
      ],
      examples: [{ line: 'weft dns check', does: 'whether all hosts say the same' }],
      answer: {
        json: 'an array of what is wrong, empty if all agree',
        fields: {
          kind: [
            'string',
            '`disagrees`, `silent` (the host was not heard) or `more` (not all that differs was looked at)',
          ],
          host: ['string', 'who disagrees or is silent'],
          name: ['string', 'of `disagrees`: as it was asked, with its network and the domain'],
          status: ['string', '`NOERROR`, `NXDOMAIN`, `REFUSED`, …; of `silent`: why'],
          says: ['strings', 'the addresses that its DNS answers, at most 4'],
          owners: ['strings', 'the members that say the name; none: nobody does'],
          ownerSays: ['strings', 'what an owner answers, at most 4'],
        },
      },
      work: async () => await import('../commands/dns-check.ts'),
    },
    {
      name: 'enable-host',
      summary: 'what makes this host itself ask weft for names; --yes makes it so',
      description: [
        'Where systemd-resolved answers this host, a drop-in sends it to weft for names below the domain. Elsewhere weft becomes the first server of /etc/resolv.conf, between two marks, and asks those that stand there for all other names. Lines of others are never changed; what the file was is kept beside it.',
      ],
      options: [
        { name: 'yes', short: 'y', summary: 'do it, and do not only tell' },
        { name: 'undo', summary: 'take away again what it made' },
      ],
      examples: [
        { line: 'weft dns enable-host', does: 'what would be done' },
        { line: 'weft dns enable-host --yes && getent hosts web.default.weft', does: 'done' },
        { line: 'weft dns enable-host --undo --yes', does: 'all as before' },
      ],
      answer: {
        json: 'one object',
        fields: {
          way: ['string', '`resolved` or `resolv.conf`'],
          made: ['boolean', 'it was done, and not only told'],
          changes: ['array', 'of files, empty if all is as it should be'],
          'changes[].path': ['string', ''],
          'changes[].action': ['string', '`write` or `remove`'],
          'changes[].text': ['string', 'of `write`: what the file becomes'],
          command: ['string', 'what makes the change count; absent if nothing needs to'],
        },
      },
      work: async () => await import('../commands/dns-enable-host.ts'),
    },
  ],
};
