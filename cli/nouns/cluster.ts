import type { Noun } from '../spec.ts';

export const CLUSTER: Noun = {
  name: 'cluster',
  aliases: ['c'],
  summary: 'how every host is doing: one line each, what is wrong first',
  verbs: [
    {
      name: 'status',
      aliases: ['st', 'ls'],
      summary: 'how every host is doing: one line each, what is wrong first',
      description: [
        'Asks every host that gossip knows, and waits for those that do not answer, three seconds or so. Those that do not answer come first, then those on which something is wrong.',
        'It exits with 0 whatever is wrong.',
      ],
      examples: [
        {
          line: "weft cluster status --format '{{name}} {{summary.problemCount}}'",
          does: 'for a script',
        },
      ],
      answer: {
        json: 'an array of hosts',
        fields: {
          name: ['string', 'as a member of the gossip'],
          address: ['string', 'ADDRESS:PORT'],
          status: ['string', 'as a member: `alive`, `leaving`, `left`, `failed`'],
          mine: ['boolean', 'the one that was asked'],
          summary: ['object', 'what it says of itself; absent when it does not answer'],
          'summary.version': ['string', 'of `weftd`'],
          'summary.runningSince': ['time', ''],
          'summary.ready': ['boolean', 'the first complete set of peers is in its kernel'],
          'summary.problemCount': ['number', ''],
          'summary.problem': ['string', 'the oldest, or why it is not ready'],
          'summary.backend': ['string', 'absent until it has a lease'],
          'summary.subnets': ['strings', 'of its lease'],
          'summary.peers': ['number', 'other hosts whose leases are in force there'],
          'summary.etcdConnected': ['boolean', ''],
        },
      },
      work: async () => await import('../commands/cluster.ts'),
    },
  ],
};
