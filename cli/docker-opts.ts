/**
 * `weft docker-opts`: Docker's options from subnet.env, byte for byte as flannel's mk-docker-opts.sh writes
 * them. Needs no running daemon, and stands alone: the daemon's rooms are closed to the command.
 */

/** Variables of a shell: inherited, or set by the input file. */
export type Variables = Readonly<Record<string, string | undefined>>;

export interface DockerOptions {
  readonly input: string;
  readonly output: string;
  readonly individual: boolean;
  readonly combined: boolean;
  /** Name of the combined variable. */
  readonly name: string;
  readonly withMasquerade: boolean;
}

/** What must be told to the user instead of going on; for stderr. */
export class DockerOptsError extends Error {
  override readonly name = 'DockerOptsError';
}

export const USAGE = `Usage: weft docker-opts [-f FILE] [-d FILE] [-i] [-c] [-m] [-k NAME]

Writes Docker's options for the subnet that weftd leased.

  -f FILE  read the subnet from FILE (default: /run/flannel/subnet.env)
  -d FILE  write the options to FILE (default: /run/docker_opts.env)
  -i       write a variable for each option
  -c       write one variable with all options; -i and -c is the default
  -k NAME  name of that variable (default: DOCKER_OPTS)
  -m       leave --ip-masq out
`;

/** As getopts reads them. Undefined: print the usage. */
export function parseOptions(argv: readonly string[]): DockerOptions | undefined {
  const letters = lettersOf(argv);
  if (letters === undefined) return undefined;
  const asked = { individual: letters.has('i'), combined: letters.has('c') };
  const neither = !asked.individual && !asked.combined;
  const name = letters.get('k') ?? 'DOCKER_OPTS';
  if (!/^[A-Za-z_]\w*$/.test(name)) return undefined;
  return {
    input: letters.get('f') ?? '/run/flannel/subnet.env',
    output: letters.get('d') ?? '/run/docker_opts.env',
    individual: asked.individual || neither,
    combined: asked.combined || neither,
    name,
    withMasquerade: !letters.has('m'),
  };
}

const WITH_VALUE = 'fdk';
const WITHOUT_VALUE = 'icm';

function lettersOf(argv: readonly string[]): Map<string, string> | undefined {
  const letters = new Map<string, string>();
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '--') return letters;
    if (!word.startsWith('-') || word === '-') return undefined;
    for (let at = 1; at < word.length; at++) {
      const letter = word.charAt(at);
      if (WITH_VALUE.includes(letter)) {
        const value = word.slice(at + 1) || argv[++i];
        if (value === undefined || value === '') return undefined;
        letters.set(letter, value);
        break;
      }
      if (!WITHOUT_VALUE.includes(letter)) return undefined;
      letters.set(letter, '');
    }
  }
  return letters;
}

/** The variables that a file of `NAME=value` lines sets; quotes around a value are taken off. */
export function parseVariables(text: string): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const [, name, value = ''] =
      /^\s*(?:export\s+)?([A-Za-z_]\w*)=("[^"]*"|'[^']*'|[^\s;#]*)/.exec(line) ?? [];
    if (name !== undefined) variables[name] = value.replace(/^(["'])(.*)\1$/, '$2');
  }
  return variables;
}

/** The bytes of the output file. Throws DockerOptsError when FLANNEL_IPMASQ is neither true nor false. */
export function formatDockerOpts(options: DockerOptions, variables: Variables): string {
  const values = optionsFor(options, variables);
  const lines: string[] = [];
  if (options.individual) for (const [name, value] of values) lines.push(`${name}="${value}"\n`);
  if (options.combined) {
    const before = variables[options.name] ?? '';
    const parts = [before === '' ? '' : `${before} `, ...values.map(([, value]) => ` ${value}`)];
    lines.push(`${options.name}="${parts.join('')}"\n`);
  }
  return lines.join('');
}

/** Every DOCKER_OPT_ variable with its value: those inherited, and ours; by name. */
function optionsFor(options: DockerOptions, variables: Variables): [string, string][] {
  const { FLANNEL_SUBNET: subnet, FLANNEL_MTU: mtu, FLANNEL_IPMASQ: masquerade } = variables;
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(variables)) {
    if (name.startsWith('DOCKER_OPT_') && value !== undefined) values.set(name, value);
  }
  if (isSet(subnet)) values.set('DOCKER_OPT_BIP', `--bip=${subnet}`);
  if (isSet(masquerade) && options.withMasquerade)
    values.set('DOCKER_OPT_IPMASQ', `--ip-masq=${dockerMasquerades(masquerade)}`);
  if (isSet(mtu)) values.set('DOCKER_OPT_MTU', `--mtu=${mtu}`);
  return [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

/** One of the two masquerades, not both. */
function dockerMasquerades(flannelMasquerades: string): boolean {
  if (flannelMasquerades === 'true') return false;
  if (flannelMasquerades === 'false') return true;
  throw new DockerOptsError(
    `FLANNEL_IPMASQ is ${JSON.stringify(flannelMasquerades)}; it must be true or false`,
  );
}

function isSet(value: string | undefined): value is string {
  return value !== undefined && value !== '';
}

/**
 * The line of `ip route show` that sends our own subnet to another host, if there is one: Docker's bridge
 * would not be reached. `subnet` is FLANNEL_SUBNET, an IPv4 address with a length.
 */
export function conflictingRoute(subnet: string, routeLines: string): string | undefined {
  const network = networkOf(subnet);
  if (network === undefined) return undefined;
  const lines = routeLines.split('\n').map((line) => line.trim());
  return lines.find((line) => {
    const words = line.split(/\s+/);
    return words.includes(network) && words.includes('via');
  });
}

function networkOf(subnet: string): string | undefined {
  const [, a, b, c, d, length] = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(subnet) ?? [];
  if (length === undefined || Number(length) > 32) return undefined;
  const bytes = [a, b, c, d].map((octet, i) => {
    const kept = Math.min(8, Math.max(0, Number(length) - i * 8));
    return Number(octet) & (0xff00 >> kept) & 0xff;
  });
  return `${bytes.join('.')}/${length}`;
}

/** The world around the command. Files and processes fail as Node's own do. */
export interface DockerOptsIo {
  readonly env: Variables;
  readFile(path: string): string;
  writeFile(path: string, content: string): void;
  /** What `ip route show` prints; empty if it cannot be run. */
  routes(): string;
  stdout(text: string): void;
  stderr(text: string): void;
}

/** Returns the exit code. */
export function run(argv: readonly string[], io: DockerOptsIo): number {
  if (argv.includes('--help')) {
    io.stdout(USAGE);
    return 0;
  }
  const options = parseOptions(argv);
  if (options === undefined) {
    io.stderr(USAGE);
    return 1;
  }
  try {
    write(options, io);
    return 0;
  } catch (cause) {
    if (!(cause instanceof DockerOptsError)) throw cause;
    io.stderr(`weft docker-opts: ${cause.message}\n`);
    return 1;
  }
}

function write(options: DockerOptions, io: DockerOptsIo): void {
  const variables = { ...io.env, ...readInput(options.input, io) };
  const content = formatDockerOpts(options, variables);
  attempt(`${options.output} cannot be written`, () => {
    io.writeFile(options.output, content);
  });
  const subnet = variables['FLANNEL_SUBNET'] ?? '';
  const route = subnet === '' ? undefined : conflictingRoute(subnet, io.routes());
  if (route === undefined) return;
  throw new DockerOptsError(
    `the route "${route}" takes packets for this host's subnet ${subnet} away; remove it before Docker starts`,
  );
}

/** A file that is not there yet sets nothing. */
function readInput(path: string, io: DockerOptsIo): Variables {
  return attempt(`${path} cannot be read`, () => {
    try {
      return parseVariables(io.readFile(path));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      io.stderr(`weft docker-opts: ${path} does not exist; weftd writes it once it has a subnet\n`);
      return {};
    }
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied; run it as root, or give another path',
  EPERM: 'permission is denied; run it as root, or give another path',
  EISDIR: 'it is a directory; give a file',
  ENOENT: 'its directory does not exist; make it, or give another path',
  ENOTDIR: 'a part of its path is not a directory; give another path',
  EROFS: 'the file system is read-only; give another path',
};

function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new DockerOptsError(`${what}: ${REASONS[code] ?? code}`, { cause });
  }
}
