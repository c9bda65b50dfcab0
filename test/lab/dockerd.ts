/**
 * One Docker Engine per host. `nsenter --net` and not `ip netns exec`, which hides the control group mounts.
 * Images cannot be pulled here: one is made from Debian's static busybox.
 */
import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Child } from './child.ts';
import { outputOf, run, type Finished } from './command.ts';
import type { Host } from './host.ts';

export const IMAGE = 'busybox';

/** A first start makes keys and directories, which takes seconds on a busy machine. */
const READY_LIMIT_MS = 60_000;

export interface Container {
  readonly id: string;
  readonly address: string;
  /** Runs the program in it. */
  exec(...command: readonly string[]): Promise<Finished>;
}

export interface Dockerd {
  readonly pid: number;
  /** Output of `docker ARGS`; rejects when it fails. */
  docker(...args: readonly string[]): Promise<string>;
  /** Starts the command in a new container of the image; sleeps unless told otherwise. */
  run(args?: readonly string[], command?: readonly string[]): Promise<Container>;
  /** Everything it wrote. */
  logLines(): readonly string[];
  /** Removes the containers and ends it. */
  stop(): Promise<void>;
}

/** Starts Docker with the flags (`--bip`, `--mtu`, …) and gives it the image. Rejects with the end of its log. */
export async function startDockerd(host: Host, flags: readonly string[] = []): Promise<Dockerd> {
  const paths = dockerPaths(host);
  await mkdir(paths.directory, { recursive: true });
  // Without it dockerd would write a key to /etc/docker.
  const config = { 'deprecated-key-path': join(paths.directory, 'key.json') };
  await writeFile(paths.config, JSON.stringify(config));
  const child = host.spawn('dockerd', dockerdArguments(host, flags));
  const client = ['-H', `unix://${paths.socket}`];
  const env = { DOCKER_CONFIG: paths.directory };
  const docker: Docker = (...args) => outputOf('docker', [...client, ...args], { env });
  const exec: Exec = (id, words) => run('docker', [...client, 'exec', id, ...words], { env });
  await child.untilOr(() => docker('version').then(() => true), {
    within: READY_LIMIT_MS,
    what: `dockerd on ${host.name} answers`,
  });
  await importBusybox(paths.directory, docker);
  return engine(child, docker, exec);
}

type Docker = (...args: readonly string[]) => Promise<string>;
type Exec = (container: string, command: readonly string[]) => Promise<Finished>;

function engine(child: Child, docker: Docker, exec: Exec): Dockerd {
  return {
    pid: child.pid,
    docker,
    async run(args = [], command = ['sleep', '3600']) {
      const id = (
        await docker('run', '-d', '--stop-signal=SIGKILL', ...args, IMAGE, ...command)
      ).trim();
      const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
      const address = (await docker('inspect', '-f', format, id)).trim();
      return { id, address, exec: (...words) => exec(id, words) };
    },
    logLines: () => child.lines,
    async stop() {
      const containers = (await docker('ps', '-aq')).split('\n').filter(Boolean);
      if (containers.length > 0) await docker('rm', '-f', ...containers);
      await child.stop();
    },
  };
}

function dockerPaths(host: Host) {
  const directory = join(host.directory, 'docker');
  return {
    directory,
    config: join(directory, 'daemon.json'),
    socket: join(directory, 'docker.sock'),
    data: join(directory, 'data'),
    exec: join(directory, 'exec'),
    pid: join(directory, 'docker.pid'),
  };
}

function dockerdArguments(host: Host, flags: readonly string[]): string[] {
  const paths = dockerPaths(host);
  return [
    `--config-file=${paths.config}`,
    `--data-root=${paths.data}`,
    `--exec-root=${paths.exec}`,
    `--pidfile=${paths.pid}`,
    `--host=unix://${paths.socket}`,
    '--storage-driver=vfs',
    // Known by the lab's name, so that the lab's removal finds it.
    `--cgroup-parent=/${host.lab}`,
    '--exec-opt=native.cgroupdriver=cgroupfs',
    ...flags,
  ];
}

/** An image of one program and links to it. */
async function importBusybox(directory: string, docker: Docker): Promise<void> {
  const bin = join(directory, 'image', 'bin');
  // Of an engine that ran here before.
  await rm(bin, { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  const busybox = join(bin, 'busybox');
  await copyFile('/bin/busybox', busybox);
  const applets = (await outputOf(busybox, ['--list'])).trim().split('\n');
  for (const applet of applets)
    if (applet !== 'busybox') await symlink('busybox', join(bin, applet));
  const archive = join(directory, 'image.tar');
  await outputOf('tar', ['-C', join(directory, 'image'), '-cf', archive, basename(bin)]);
  await docker('import', archive, IMAGE);
}
