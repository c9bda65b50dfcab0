import type { Command } from '../spec.ts';

export const VERSION_COMMAND: Command = {
  name: 'version',
  summary: 'print the version',
  description: ['The version of the command; "weft status" tells the daemon\'s.'],
  answer: { json: 'one object', fields: { version: ['string', 'of the command'] } },
  work: async () => await import('../commands/version.ts'),
};
