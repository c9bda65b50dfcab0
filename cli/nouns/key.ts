import { CHANGE_ID, type Answer, type Argument, type Command, type Noun } from '../spec.ts';

const KEY_ARGUMENT: Argument = { name: 'KEY', summary: '16, 24 or 32 bytes in base64' };

const ANSWERS: Answer = {
  json: 'one object',
  fields: {
    keys: ['array', 'of `ls` only'],
    'keys[].key': ['string', 'in base64'],
    'keys[].members': ['number', 'how many have it'],
    'keys[].primary': ['number', 'how many encrypt with it'],
    answers: ['array', 'of every member that was asked'],
    'answers[].member': ['string', 'its name'],
    'answers[].ok': ['boolean', 'it did it'],
    'answers[].message': ['string', 'why not, or a remark; may be absent'],
  },
};

const ALL_MUST = 'The exit code is 1 when a member did not do it, or did not answer.';

function change(name: string, summary: string, aliases: readonly string[] = []): Command {
  return {
    name,
    aliases,
    summary,
    description: [`What became of it is printed for every member. ${ALL_MUST}`],
    arguments: [KEY_ARGUMENT],
    answer: ANSWERS,
    work: async () => await import('../commands/keys-change.ts'),
  };
}

export const KEY: Noun = {
  name: 'key',
  aliases: ['keys', 'k'],
  summary: 'the keys that encrypt gossip, on every member, and the one of WireGuard',
  description: [
    'To change the key of gossip: generate one, install it, use it, remove the old one. Each step tells what became of it on every member, and may be repeated.',
  ],
  verbs: [
    {
      name: 'ls',
      aliases: ['list'],
      summary: 'which keys the members have',
      description: [`Asks every member, which takes seconds. ${ALL_MUST}`],
      answer: ANSWERS,
      work: async () => await import('../commands/keys-list.ts'),
    },
    change('install', 'let every member open what is encrypted with this key'),
    change('use', 'let every member encrypt with this key, which all must have'),
    change('remove', 'let every member forget this key, which none may use', ['rm']),
    {
      name: 'generate',
      aliases: ['gen'],
      summary: 'make a new key and print it; tells nobody',
      examples: [{ line: 'weft key install "$(weft key generate)"', does: 'a new one, for all' }],
      answer: { json: 'one object', fields: { key: ['string', 'in base64'] } },
      work: async () => await import('../commands/keys-generate.ts'),
    },
    {
      name: 'rotate-wireguard',
      summary: 'give this host another WireGuard key; no packet is lost',
      description: [
        'It tells each step, and is done when the old key is gone. When it is interrupted, weftd goes on. The exit code is 1 when the host keeps its key; a sentence says why.',
      ],
      options: [CHANGE_ID],
      answer: { json: 'one object', fields: { publicKey: ['string', 'the new one, in base64'] } },
      work: async () => await import('../commands/keys-rotate-wireguard.ts'),
    },
  ],
};
