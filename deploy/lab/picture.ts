/** What the lab shows, as plain data, and the judgements on it. */

export interface Lease {
  /** Name of the lab's host, or the public address when it is none of them. */
  readonly host: string;
  readonly subnet: string;
  readonly publicAddress: string;
  readonly backend: string;
}

export interface WorkloadInfo {
  readonly name: string;
  readonly address: string;
}

export interface Picture {
  readonly leases: readonly Lease[];
  /** Of the first host, as `ip route` prints them. */
  readonly routes: { readonly host: string; readonly lines: readonly string[] };
  readonly workloads: readonly WorkloadInfo[];
  /** Row: from, column: to, both as in `workloads`. Round trip in ms, null where nothing came back or on the diagonal. */
  readonly latencies: readonly (readonly (number | null)[])[];
  readonly throughput?: {
    readonly from: string;
    readonly to: string;
    readonly bitsPerSecond: number;
  };
  /** Sentences on what is wrong with the lab itself, such as a daemon that ended. */
  readonly troubles: readonly string[];
}

/** Pairs that do not reach each other, as `w1 → w2`. */
export function unreachable({ workloads, latencies }: Picture): string[] {
  return workloads.flatMap((from, row) =>
    workloads
      .filter((_, column) => column !== row && (latencies[row]?.[column] ?? null) === null)
      .map((to) => `${from.name} → ${to.name}`),
  );
}

export function isWhole(picture: Picture): boolean {
  return picture.troubles.length === 0 && unreachable(picture).length === 0;
}

/** Equal for pictures that differ only in figures that never stand still. */
export function essence(picture: Picture): string {
  const { leases, routes, workloads, troubles } = picture;
  return JSON.stringify([leases, routes, workloads, troubles, unreachable(picture)]);
}

/** From `etcdctl get --prefix PREFIX/subnets/`, which prints keys and values in turn. What is no lease is left out. */
export function parseLeases(
  text: string,
  hostOf: (publicAddress: string) => string | undefined,
): Lease[] {
  const lines = text.split('\n');
  return lines.flatMap((key, i) => {
    const subnet = /\/subnets\/(.+)$/.exec(key)?.[1];
    if (i % 2 === 1 || subnet === undefined) return [];
    const value = parseValue(lines[i + 1] ?? '');
    if (value === undefined) return [];
    const publicAddress = value.PublicIP ?? value.PublicIPv6 ?? '';
    return {
      host: hostOf(publicAddress) ?? publicAddress,
      subnet: subnet.replaceAll('-', '/').replace('&', ' '),
      publicAddress,
      backend: value.BackendType ?? '',
    };
  });
}

function parseValue(
  text: string,
): { PublicIP?: string; PublicIPv6?: string; BackendType?: string } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
