/** What `npm run lab -- …` takes. */
import { parseArgs } from 'node:util';

export interface Options {
  readonly nodes: number;
  /** Hosts are machines, and not namespaces. */
  readonly vm: boolean;
  readonly backend: Backend;
  /** Ends after the first complete picture, with a verdict. */
  readonly once: boolean;
  /** With `once`: the picture as JSON. */
  readonly json: boolean;
}

const BACKENDS = ['vxlan', 'host-gw'] as const;
type Backend = (typeof BACKENDS)[number];

/** A /24 underlay and a screen hold twenty; fewer than two have nobody to talk to. */
const NODES = { least: 2, most: 20, usual: 3 };

export const USAGE = `Usage: npm run lab -- [--nodes N] [--vm] [--backend ${BACKENDS.join('|')}] [--once [--json]]

  --nodes N       ${NODES.least} to ${NODES.most} hosts (default: ${NODES.usual})
  --vm            hosts are machines with Debian's kernel, and not namespaces; emulated, so slow
  --backend NAME  ${BACKENDS.join(' or ')} (default: ${BACKENDS[0]})
  --once          end with the result: 0 if every workload reaches every other, else 1
  --json          with --once: print the result as JSON
  --help          print this
`;

/** One sentence for whoever typed it. */
export class UsageError extends Error {}

/** Throws a UsageError; returns 'help' when that was asked for. */
export function parseOptions(args: readonly string[]): Options | 'help' {
  const values = read(args);
  if (values.help === true) return 'help';
  const nodes = Number(values.nodes ?? NODES.usual);
  if (!Number.isInteger(nodes) || nodes < NODES.least || nodes > NODES.most)
    throw new UsageError(`--nodes takes ${NODES.least} to ${NODES.most}, not ${values.nodes}`);
  const backend = BACKENDS.find((name) => name === (values.backend ?? BACKENDS[0]));
  if (backend === undefined)
    throw new UsageError(`--backend takes ${BACKENDS.join(' or ')}, not ${values.backend}`);
  const { once = false, json = false, vm = false } = values;
  if (json && !once) throw new UsageError('--json needs --once');
  return { nodes, vm, backend, once, json };
}

function read(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        nodes: { type: 'string' },
        vm: { type: 'boolean' },
        backend: { type: 'string' },
        once: { type: 'boolean' },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    // Node adds a hint on how to quote after the first sentence.
    throw new UsageError((error as Error).message.split('. ')[0], { cause: error });
  }
}
