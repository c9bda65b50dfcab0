import { WATCH, type Noun } from '../spec.ts';

export const EVENT: Noun = {
  name: 'event',
  aliases: ['events', 'ev'],
  summary: 'what happened in the cluster, and what happens',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'what happened in the cluster, and what happens',
      description: [
        'The latest thousand events since weftd started, the oldest first. Members and leases are told of as this host sees them, the problems of one peer of this host alone; all else each host tells of itself, to all others.',
      ],
      options: [
        {
          name: 'since',
          value: 'TIME',
          summary: 'only what happened then and later: 30s, 10m, 2h, 1d, or a date',
        },
        WATCH,
      ],
      examples: [
        { line: 'weft events --since 10m', does: 'what happened a moment ago' },
        { line: 'weft events --watch --since 0s', does: 'what happens from now on' },
      ],
      answer: {
        json: 'an array of events',
        fields: {
          id: ['string', 'no two have the same'],
          at: ['time', 'by the clock of the host that tells it'],
          kind: [
            'string',
            '`member-joined`, `member-failed`, `member-left`, `lease-added`, `lease-lost`, `host-started`, `host-ready`, `backend-changed`, `problem-begun`, `problem-ended`',
          ],
          host: [
            'string',
            'that it is about, by its name as a member; of a lease its identity; may be absent',
          ],
          subject: ['string', "an address, a lease's key, a problem's code, a backend"],
          text: ['string', 'one sentence'],
        },
      },
      work: async () => await import('../commands/events.ts'),
    },
  ],
};
