import { WeftError } from '../../controlplane/api/errors.ts';
import type { Command } from '../spec.ts';

export const DOCKER_OPTS: Command = {
  name: 'docker-opts',
  summary: "write Docker's options from subnet.env, as mk-docker-opts.sh does",
  description: [
    "Writes Docker's options for this host's subnet, with the flags and the bytes of flannel's mk-docker-opts.sh. Needs no running daemon, takes none of weft's own flags, and its exit codes are those of the script: 0, or 1 for everything else.",
  ],
  options: [
    {
      name: 'f',
      value: 'FILE',
      summary: 'read the subnet from FILE (default: /run/flannel/subnet.env)',
      completes: 'file',
    },
    {
      name: 'd',
      value: 'FILE',
      summary: 'write the options to FILE (default: /run/docker_opts.env)',
      completes: 'file',
    },
    { name: 'i', summary: 'write a variable for each option' },
    { name: 'c', summary: 'write one variable with all options; -i and -c is the default' },
    { name: 'k', value: 'NAME', summary: 'name of that variable (default: DOCKER_OPTS)' },
    { name: 'm', summary: 'leave --ip-masq out' },
  ],
  raw: true,
  work: () => {
    throw new WeftError('WEFT_USAGE', 'docker-opts takes no flags of weft', {
      fix: 'call it as weft docker-opts [-f FILE] [-d FILE] …',
    });
  },
};
