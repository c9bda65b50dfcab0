import type { Command } from '../spec.ts';

export const PLAN: Command = {
  name: 'plan',
  summary: 'what should be in the kernel, what is, and what would be done',
  description: [
    'What would be done now (+ create, ~ change, - remove), what should be in the kernel, and what is. Changes nothing. In a network at rest there are no operations. "weftd --plan" answers the same without a running daemon.',
  ],
  answer: {
    json: 'one object',
    fields: {
      desired: ['array', 'what should be in the kernel'],
      actual: ['array', 'what is'],
      operations: ['array', 'what would be done, in order; an entry has `action` too'],
      'operations[].action': ['string', '`create`, `change`, `remove`'],
      'operations[].kind': [
        'string',
        '`link`, `sysctl`, `address`, `nftables`, `iptables`, `neighbour`, `fdb` or `route`',
      ],
      'operations[].key': ['string', 'its place in the kernel'],
      'operations[].text': ['string', 'one line, in the words of iproute2 where it has them'],
    },
  },
  work: async () => await import('../commands/plan.ts'),
};
