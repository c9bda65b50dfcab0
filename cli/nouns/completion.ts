import type { Command } from '../spec.ts';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const COMPLETION: Command = {
  name: 'completion',
  summary: 'print what lets a shell complete the words of weft',
  description: [
    'The script asks weft at each press of TAB, so it stays right when weft changes, and it knows the names that weftd knows. Without weftd there are no names.',
  ],
  arguments: [{ name: 'SHELL', summary: SHELLS.join(', '), completes: SHELLS }],
  examples: [
    {
      line: 'weft completion bash > /usr/share/bash-completion/completions/weft',
      does: 'for every bash from now on',
    },
    { line: 'source <(weft completion zsh)', does: 'for this zsh' },
    { line: 'weft completion fish | source', does: 'for this fish' },
  ],
  work: async () => await import('../commands/completion.ts'),
};

export const COMPLETE: Command = {
  name: 'complete',
  summary: 'what the last word may become; for the scripts of weft completion',
  hidden: true,
  arguments: [{ name: 'WORD', summary: '', repeats: true, optional: true }],
  options: [{ name: 'bash', summary: 'the words are a line, and what bash replaces of it' }],
  work: async () => await import('../commands/complete.ts'),
};
