/** Three servers that answer the same names at one address: weftd, and Debian's dnsmasq and unbound from local data. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Child } from '../../lab/child.ts';
import { eventually } from '../../lab/eventually.ts';
import type { Host } from '../../lab/host.ts';
import { dig } from '../../lab/names.ts';

export const SERVERS = ['weftd', 'dnsmasq', 'unbound'] as const;
export type ServerName = (typeof SERVERS)[number];
export const PORTS: Readonly<Record<ServerName, number>> = {
  weftd: 5301,
  dnsmasq: 5302,
  unbound: 5303,
};

export interface LocalName {
  readonly name: string;
  readonly address: string;
}

/** Starts it in the host's namespace; resolves when it answers. */
export async function startPeer(
  server: 'dnsmasq' | 'unbound',
  host: Host,
  names: readonly LocalName[],
): Promise<Child> {
  const child = await (server === 'dnsmasq' ? dnsmasq : unbound)(host, names);
  await untilAnswers(host, PORTS[server], names);
  return child;
}

export async function untilAnswers(
  host: Host,
  port: number,
  names: readonly LocalName[],
): Promise<void> {
  const last = names.at(-1);
  await eventually(
    async () =>
      (await dig(host, host.address, `-p ${port} ${last?.name}`)).data[0] === last?.address,
    { within: 20_000, what: `a server answers at port ${port}` },
  );
}

async function dnsmasq(host: Host, names: readonly LocalName[]): Promise<Child> {
  const hosts = join(host.directory, 'dnsmasq.hosts');
  await writeFile(hosts, names.map(({ name, address }) => `${address} ${name}\n`).join(''));
  return host.spawn('dnsmasq', [
    '--keep-in-foreground',
    '--conf-file=/dev/null',
    '--pid-file=',
    '--user=root',
    '--no-resolv',
    '--no-hosts',
    `--addn-hosts=${hosts}`,
    '--bind-interfaces',
    `--listen-address=${host.address}`,
    `--port=${PORTS.dnsmasq}`,
    // For fairness: what it does not have is a miss, as with the others.
    '--local=/weft/',
  ]);
}

async function unbound(host: Host, names: readonly LocalName[]): Promise<Child> {
  const file = join(host.directory, 'unbound.conf');
  const lines = [
    'server:',
    ` interface: ${host.address}@${PORTS.unbound}`,
    ' do-daemonize: no',
    ' use-syslog: no',
    ' username: ""',
    ' chroot: ""',
    ' pidfile: ""',
    ' num-threads: 1',
    ' access-control: 0.0.0.0/0 allow',
    ' local-zone: "weft." static',
    ...names.map(({ name, address }) => ` local-data: "${name}. 1 IN A ${address}"`),
    'remote-control:',
    ' control-enable: no',
  ];
  await writeFile(file, `${lines.join('\n')}\n`);
  return host.spawn('unbound', ['-d', '-c', file]);
}
