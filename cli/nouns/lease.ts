import { WATCH, type Noun } from '../spec.ts';

export const LEASE: Noun = {
  name: 'lease',
  aliases: ['leases', 'l'],
  summary: "every host's lease, and why those that are refused are",
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: "every host's lease, and why those that are refused are",
      description: [
        "Every lease of the network as it stands in etcd, this host's marked, and why those that are not in force here are not. With --watch the table comes once, then a line for each change: + a lease that is new or has changed, - the key of one that is gone.",
      ],
      arguments: [
        {
          name: 'LEASE',
          summary: 'only this one, by its key or subnet',
          optional: true,
          repeats: true,
          completes: 'lease',
        },
      ],
      options: [WATCH],
      examples: [
        {
          line: "weft lease ls --format '{{subnets}} {{publicAddresses}}'",
          does: 'which subnet is where',
        },
      ],
      answer: {
        json: 'an array of leases',
        fields: {
          key: ['string', 'of its etcd key, the part below `subnets/`; no two leases share one'],
          subnets: ['strings', 'empty if the key cannot be read'],
          publicAddresses: ['strings', ''],
          backendType: ['string', "absent for flannel's backends that publish none"],
          node: [
            'string',
            'identity of the weft host; absent when flanneld or an operator wrote it',
          ],
          mine: ['boolean', "this host's own"],
          inForce: ['boolean', "it has its part in this host's kernel"],
          refusal: ['string', 'one sentence: why not in force'],
          reserved: ['boolean', 'its key never expires'],
          expires: ['time', 'own lease only'],
        },
      },
      work: async () => await import('../commands/leases.ts'),
    },
  ],
};
