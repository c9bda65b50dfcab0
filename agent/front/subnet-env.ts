/** subnet.env: what this host leased, for Docker's options and whoever reads flannel's file (docs/flannel.md). */
import { readIfThere, writeAtomically } from '../config/atomic-file.ts';
import type { Family } from '../ip/address.ts';
import { addressIn, familyOfPrefix, lengthOf, parsePrefix, type Prefix } from '../ip/prefix.ts';
import type { PerFamily } from '../state/facts.ts';

export interface SubnetEnv {
  readonly networks: PerFamily<Prefix>;
  readonly subnets: PerFamily<Prefix>;
  /** In bytes, of the family whose MTU is smaller. */
  readonly mtu: number;
  /** Whether weft masquerades; Docker must not do it again then. */
  readonly masquerade: boolean;
}

/** What a file may tell: anything in it can be missing or wrong. */
export type FoundSubnetEnv = Pick<SubnetEnv, 'networks' | 'subnets'> & Partial<SubnetEnv>;

const NAMES = {
  4: { network: 'FLANNEL_NETWORK', subnet: 'FLANNEL_SUBNET' },
  6: { network: 'FLANNEL_IPV6_NETWORK', subnet: 'FLANNEL_IPV6_SUBNET' },
} as const;
const FAMILIES_IN_ORDER: readonly Family[] = [4, 6];

/** The file's text. The subnet is written with its first host address, which is the bridge's. */
export function formatSubnetEnv(env: SubnetEnv): string {
  const lines: string[] = [];
  for (const family of FAMILIES_IN_ORDER) {
    const { network, subnet } = { network: env.networks[family], subnet: env.subnets[family] };
    if (network !== undefined) lines.push(`${NAMES[family].network}=${network}`);
    if (subnet !== undefined)
      lines.push(`${NAMES[family].subnet}=${addressIn(subnet, 1n)}/${lengthOf(subnet)}`);
  }
  lines.push(`FLANNEL_MTU=${env.mtu}`, `FLANNEL_IPMASQ=${env.masquerade}`);
  return lines.map((line) => `${line}\n`).join('');
}

/**
 * Reads dotenv syntax. Prefixes lose their host bits; a comma list counts if exactly one of it is a prefix
 * of that family. What does not parse is left out.
 */
export function parseSubnetEnv(text: string): FoundSubnetEnv {
  const values = variablesOf(text);
  const prefixes = (part: 'network' | 'subnet'): PerFamily<Prefix> =>
    Object.fromEntries(
      FAMILIES_IN_ORDER.flatMap((family) => {
        const found = onlyPrefix(values.get(NAMES[family][part]) ?? '', family);
        return found === undefined ? [] : [[family, found]];
      }),
    );
  const mtu = values.get('FLANNEL_MTU') ?? '';
  const masquerade = values.get('FLANNEL_IPMASQ');
  return {
    networks: prefixes('network'),
    subnets: prefixes('subnet'),
    ...(/^[1-9]\d{0,5}$/.test(mtu) ? { mtu: Number(mtu) } : {}),
    ...(masquerade === 'true' || masquerade === 'false'
      ? { masquerade: masquerade === 'true' }
      : {}),
  };
}

function onlyPrefix(list: string, family: Family): Prefix | undefined {
  const found = list
    .split(',')
    .map((part) => parsePrefix(part.trim()))
    .filter((prefix) => prefix !== undefined && familyOfPrefix(prefix) === family);
  return found.length === 1 ? found[0] : undefined;
}

const VARIABLE = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*?)\s*$/;

function variablesOf(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [, name, value = ''] = VARIABLE.exec(line) ?? [];
    if (name !== undefined) values.set(name, unquoted(value));
  }
  return values;
}

function unquoted(value: string): string {
  const quoted = /^(["'])(.*?)\1/.exec(value);
  return quoted === null ? value.replace(/\s+#.*$/, '') : (quoted[2] ?? '');
}

const MODE = 0o644;
/** Ours has some 150 bytes; what is longer, in characters, is not parsed. */
const SIZE_LIMIT = 64 * 1024;

/** What the file at `path` tells; undefined if there is none or it cannot be one. Throws FileError when it cannot be read. */
export function readSubnetEnv(path: string): FoundSubnetEnv | undefined {
  const text = readIfThere(path);
  return text === undefined || text.length > SIZE_LIMIT ? undefined : parseSubnetEnv(text);
}

/** True if it was written, false if it was right already. Throws FileError. */
export function writeSubnetEnv(path: string, env: SubnetEnv): boolean {
  const text = formatSubnetEnv(env);
  if (readIfThere(path) === text) return false;
  writeAtomically(path, text, MODE);
  return true;
}
