/** What a machine boots: Debian's kernel, as deploy/setup.mjs put it aside, and an initramfs made for the lab. */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { outputOf, run } from '../command.ts';
import { bundle } from './bundle.ts';

export interface BootImage {
  readonly kernel: string;
  readonly initrd: string;
  /** The directory with all modules of the kernel. */
  readonly modules: string;
}

/** One directory a kernel, as deploy/setup.mjs fills it. */
const KERNELS = '/var/cache/weft/kernels';
const BUSYBOX = '/bin/busybox';
/** To reach the root and the agent; all others are loaded when they are asked for. */
const FIRST_MODULES = [
  'virtio_pci',
  'virtio_net',
  'virtio_console',
  'virtio_rng',
  '9p',
  '9pnet_virtio',
  'overlay',
];

/** Makes the initramfs in the directory. Rejects with what to do when the kernel is not there. */
export async function makeBootImage(directory: string): Promise<BootImage> {
  const { version, root } = newestKernel();
  const tree = join(directory, 'initramfs');
  for (const folder of ['bin', 'modules']) mkdirSync(join(tree, folder), { recursive: true });
  copyFileSync(BUSYBOX, join(tree, 'bin/busybox'));
  copyFileSync(fileURLToPath(new URL('./init.sh', import.meta.url)), join(tree, 'init'));
  chmodSync(join(tree, 'init'), 0o755);
  await bundle(new URL('./agent.ts', import.meta.url), join(tree, 'agent.cjs'));
  const order = await modulesInOrder(version, root);
  for (const file of order) copyFileSync(file, join(tree, 'modules', basename(file)));
  const names = order.map((file) => `${basename(file)}\n`).join('');
  writeFileSync(join(tree, 'modules/order'), names);
  const initrd = join(directory, 'initrd');
  const script = `cd '${tree}' && ${BUSYBOX} find . | ${BUSYBOX} cpio -o -H newc >'${initrd}'`;
  await outputOf(BUSYBOX, ['sh', '-c', script]);
  const modules = join(root, 'lib/modules', version);
  return { kernel: join(root, 'vmlinux'), initrd, modules };
}

function newestKernel(): { version: string; root: string } {
  const newestFirst = new Intl.Collator('en', { numeric: true });
  const [version] = existsSync(KERNELS)
    ? readdirSync(KERNELS)
        .filter((name) => existsSync(join(KERNELS, name, 'vmlinux')))
        .sort((a, b) => newestFirst.compare(b, a))
    : [];
  if (version === undefined)
    throw new Error('no kernel for machines is there: node deploy/setup.mjs machines');
  return { version, root: join(KERNELS, version) };
}

/** Files of the modules, each after those it needs (modprobe(8), --show-depends). */
async function modulesInOrder(version: string, root: string): Promise<string[]> {
  const lists = await Promise.all(
    FIRST_MODULES.map(async (name) => {
      const args = ['-d', root, '-S', version, '--show-depends', name];
      const { code, stdout, stderr } = await run('modprobe', args);
      if (code !== 0) throw new Error(`modprobe ${args.join(' ')}: ${stderr.trim()}`);
      return stdout.split('\n').flatMap((line) => /^insmod (\S+)/.exec(line)?.[1] ?? []);
    }),
  );
  return [...new Set(lists.flat())];
}
