/** Why gossip does not listen, for people. */

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program listens there: stop it, or choose another port',
  EADDRNOTAVAIL: 'this host has no such address: correct it or bring it up',
  EACCES: 'permission is denied: choose a port of 1024 or more, or run as root',
  EAFNOSUPPORT: 'this host has no such address family: choose another address',
  EMFILE: 'too many files are open: raise the limit',
};

export function listenProblem(place: string, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return `gossip cannot listen on ${place}: ${REASONS[code ?? ''] ?? code ?? message}; it is tried again`;
}
