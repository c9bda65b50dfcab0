import { WATCH, type Noun } from '../spec.ts';

export const MEMBER: Noun = {
  name: 'member',
  aliases: ['members', 'm'],
  summary: 'every member of the gossip, and whether it is alive',
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'every member of the gossip, and whether it is alive',
      description: [
        'Every member of the gossip, sorted by name: where it listens, whether it is alive, what it says of itself, how long the way there and back takes (an estimate), and how long it has had its status. With --watch the table comes once, then a line for each change.',
      ],
      arguments: [
        {
          name: 'NAME',
          summary: 'only this member',
          optional: true,
          repeats: true,
          completes: 'member',
        },
      ],
      options: [WATCH],
      examples: [
        {
          line: "weft members --format '{{name}} {{status}} {{tags.version}}'",
          does: 'who runs what',
        },
      ],
      answer: {
        json: 'an array of members',
        fields: {
          name: ['string', 'no two members have the same'],
          address: ['string', 'ADDRESS:PORT'],
          status: [
            'string',
            '`alive`, `leaving` (said so), `left` (did so), `failed` (does not answer)',
          ],
          tags: ['object', 'text by name; members that run `weftd` have `weft`'],
          'tags.*': ['string', 'one of them'],
          roundTripMs: ['number', 'absent until there is an estimate, and of this host'],
          since: ['time', 'since when it has this status, as seen from here'],
          mine: ['boolean', "this host's own"],
        },
      },
      work: async () => await import('../commands/members.ts'),
    },
  ],
};
