/**
 * Makes a Debian machine ready for `npm run lab`, its option --vm, `npm test` or `npm run bench`: says what is missing and why,
 * then installs it. Plain JavaScript without dependencies, as it runs before any of them is there.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fetchKernel, hasKernel, KERNEL_PACKAGE } from './kernel.mjs';

const PACKAGES = {
  'etcd-server': 'the etcd that holds the leases',
  'etcd-client': 'etcdctl, to put the network configuration in',
  iproute2: 'ip and bridge, to make hosts out of network namespaces',
  procps: 'sysctl, to switch forwarding on inside them',
  nftables: 'nft, with which weftd sets its rules',
  iptables: 'for the accept rules beside Docker’s',
  'iputils-ping': 'ping between the workloads',
  iperf3: 'throughput between the workloads',
  'docker.io': 'Docker Engine, which the tests join to the network',
  containerd: 'containerd and ctr, whose containers the tests join',
  podman: 'Podman, whose containers the tests join',
  'containernetworking-plugins': 'CNI’s own plugins, beside ours and to compare with',
  tcpdump: 'to see what travels on the underlay',
  'busybox-static': 'the container image of the tests',
  openssl: 'certificates for an etcd with TLS',
  'qemu-system-x86': 'the machines of the lab, emulated',
  kmod: 'modprobe, for the modules of their kernel',
  'xz-utils': 'to unpack that kernel',
  'wireguard-tools': 'wg, with which weftd sets encrypted tunnels',
  'wireguard-go': 'WireGuard in user space, for a kernel without it',
  zsh: 'the shell, in which the tests press TAB',
  fish: 'the shell, as zsh',
  'man-db': 'man, to read them',
  mandoc: 'to check the man pages',
  serf: 'Serf, whose agents share a gossip cluster with ours',
  'musl-dev': 'the C library of Alpine, whose resolver is another',
  tcc: 'to link a small test program with it',
  'bind9-dnsutils': 'dig, to ask for names as others do',
  systemd: 'the first program of a machine, which starts weftd by its unit',
  dnsperf: 'many questions for names, and how fast they are answered',
  'dnsmasq-base': 'dnsmasq, whom this host asked before weft, and to compare with',
  unbound: 'unbound, to compare with',
};
const LAB = [
  'etcd-server',
  'etcd-client',
  'iproute2',
  'procps',
  'nftables',
  'iptables',
  'iputils-ping',
  'iperf3',
  'wireguard-tools',
  'wireguard-go',
];
const MACHINES = [...LAB, 'tcpdump', 'busybox-static', 'qemu-system-x86', 'kmod', 'xz-utils'];
const PURPOSES = {
  lab: LAB,
  machines: MACHINES,
  test: [
    ...MACHINES,
    'bind9-dnsutils',
    'musl-dev',
    'tcc',
    'docker.io',
    'containerd',
    'podman',
    'containernetworking-plugins',
    'dnsmasq-base',
    'systemd',
    'openssl',
    'serf',
    'zsh',
    'fish',
    'mandoc',
    'man-db',
  ],
  bench: [...MACHINES, 'serf', 'dnsperf', 'dnsmasq-base', 'unbound', 'containernetworking-plugins'],
};
/** Those that need a kernel to boot. */
const WITH_KERNEL = ['machines', 'test', 'bench'];

/** Packages that bring services: those a package brings along are listed too. */
const SERVICES = {
  'etcd-server': ['etcd.service'],
  'docker.io': ['docker.service', 'docker.socket'],
  containerd: ['containerd.service'],
  podman: [
    'podman.service',
    'podman.socket',
    'podman-auto-update.service',
    'podman-auto-update.timer',
    'podman-restart.service',
  ],
  serf: ['serf.service'],
  unbound: ['unbound.service', 'unbound-resolvconf.service'],
};

const OLDEST_NODE = [20, 19];
const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_TEXT =
  '#!/bin/sh\n# Put here by the set-up of weft for as long as it installs packages.\nexit 101\n';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];
const ROOT = new URL('..', import.meta.url);

class SetupError extends Error {}

/** Standard output belongs to what comes after the set-up. */
const say = console.error;

async function main() {
  const purpose = process.argv[2] ?? '';
  checkMachine(purpose);
  const packages = missingPackages(PURPOSES[purpose]);
  if (packages.length > 0) await installPackages(packages);
  const kernel = WITH_KERNEL.includes(purpose) && !hasKernel();
  if (kernel) await putKernelAside();
  const modules = staleModules();
  if (modules !== undefined) installModules(modules);
  if (packages.length === 0 && !kernel && modules === undefined)
    say(`setup: nothing is missing for ${purpose}`);
}

function checkMachine(purpose) {
  if (!Object.hasOwn(PURPOSES, purpose))
    throw new SetupError(`say what for: node deploy/setup.mjs ${Object.keys(PURPOSES).join('|')}`);
  if (process.platform !== 'linux')
    throw new SetupError('weft needs Linux: run this on a Debian 12 machine or in a virtual one');
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]))
    throw new SetupError(
      `Node ${OLDEST_NODE.join('.')} or later is needed, and this is ${process.versions.node}`,
    );
  if (process.getuid() !== 0)
    throw new SetupError('network namespaces need root: run this again as root');
}

function missingPackages(wanted) {
  if (wanted.length === 0) return [];
  const query = spawnSync(
    'dpkg-query',
    ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted],
    {
      encoding: 'utf8',
    },
  );
  if (query.error !== undefined)
    throw new SetupError(
      `there is no dpkg-query here, so this is not Debian; install by hand what provides: ${wanted.join(', ')}`,
    );
  const installed = new Set(
    query.stdout
      .split('\n')
      .filter((line) => line.endsWith(' installed'))
      .map((line) => line.split(' ')[0]),
  );
  return wanted.filter((name) => !installed.has(name));
}

async function installPackages(names) {
  say('setup: these Debian packages are missing and will be installed now:');
  for (const name of names) say(`  ${name.padEnd(16)}${PACKAGES[name]}`);
  const withServices = missingPackages(Object.keys(SERVICES));
  await withoutStartingServices(async () => {
    await apt(['update', '-q']);
    await apt(['install', '-q', '-y', '--no-install-recommends', ...names]);
  });
  keepServicesOff(withServices);
}

async function putKernelAside() {
  say(
    `setup: fetching the kernel of ${KERNEL_PACKAGE}, to boot machines with; it is not installed`,
  );
  await apt(['update', '-q']);
  try {
    fetchKernel();
  } catch (error) {
    throw new SetupError(error.message);
  }
}

/** Debian lets a new service start with the next boot; nobody here asked for that. */
function keepServicesOff(absentBefore) {
  const absentNow = missingPackages(absentBefore);
  const units = absentBefore
    .filter((name) => !absentNow.includes(name))
    .flatMap((name) => SERVICES[name]);
  if (units.length === 0) return;
  const done = spawnSync('systemctl', ['--quiet', 'disable', ...units], { encoding: 'utf8' });
  if (done.error !== undefined) return;
  say(`setup: installed, but neither started nor enabled: ${units.join(', ')}`);
  if (done.status !== 0) say(`setup: systemctl said: ${done.stderr.trim()}`);
}

/** Debian starts a daemon when its package is installed, unless policy-rc.d exits 101 (invoke-rc.d(8)). */
async function withoutStartingServices(install) {
  const foreign = existsSync(POLICY) && readFileSync(POLICY, 'utf8') !== POLICY_TEXT;
  if (foreign) return install();
  try {
    writeFileSync(POLICY, POLICY_TEXT, { mode: 0o755 });
    await install();
  } finally {
    rmSync(POLICY, { force: true });
  }
}

/** Hands a signal on and waits, so that what stands around the call is undone also then. */
async function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const child = spawn('apt-get', args, { env, stdio: ['ignore', 2, 2] });
  const forward = (signal) => child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  const [code] = await once(child, 'close');
  for (const signal of SIGNALS) process.off(signal, forward);
  if (code !== 0)
    throw new SetupError(
      `apt-get ${args[0]} failed or was interrupted; to do it by hand: apt-get ${args.join(' ')}`,
    );
}

/** Why node_modules is not what package-lock.json says, or undefined if it is. */
function staleModules() {
  const wanted = readPackages('package-lock.json');
  if (wanted === undefined)
    throw new SetupError('package-lock.json is missing: check it out again');
  const installed = readPackages('node_modules/.package-lock.json');
  if (installed === undefined) return 'they are not there yet';
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || optional) continue;
    const found = installed[path]?.version;
    if (found !== version) return `${path} is ${found ?? 'missing'} and should be ${version}`;
    if (!existsSync(new URL(`${path}/package.json`, ROOT))) return `${path} is missing`;
  }
  return undefined;
}

/** The `packages` table of a lock file, or undefined if the file is missing or broken. */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(new URL(file, ROOT), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

/**
 * Not `npm ci`: it refuses a lock file that lacks packages for other platforms, as one made with a registry that does
 * not carry them all. This takes the versions of the lock file too, and leaves it as it is.
 */
function installModules(why) {
  say(`setup: installing the npm packages (${why})`);
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const done = spawnSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (done.status !== 0)
    throw new SetupError(`npm failed or was interrupted; to do it by hand: npm ${args.join(' ')}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(`setup: ${error.message}`);
  process.exitCode = 1;
}
