/** The machine as `weft docker-opts` sees it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { DockerOptsIo } from './docker-opts.ts';

/** `ip route show` takes some ms; beyond this many it is given up, and no conflict is found. */
const TIME_LIMIT = 5000;
/** A host in a mesh of ten thousand has a megabyte of routes. */
const OUTPUT_LIMIT = 64 * 1024 * 1024;

export const machine: DockerOptsIo = {
  env: process.env,
  readFile: (path) => readFileSync(path, 'utf8'),
  // Not by rename: the output may be /dev/stdout.
  writeFile: (path, content) => {
    writeFileSync(path, content);
  },
  routes: () => {
    try {
      const options = { timeout: TIME_LIMIT, maxBuffer: OUTPUT_LIMIT, encoding: 'utf8' } as const;
      return execFileSync('ip', ['route', 'show'], {
        ...options,
        stdio: ['ignore', 'pipe', 'ignore'],
      });
    } catch {
      return '';
    }
  },
  stdout: (text) => process.stdout.write(text),
  stderr: (text) => process.stderr.write(text),
};
