/**
 * Debian's kernel, for the lab's machines (test/lab/vm). It is only downloaded and unpacked: installed, it would become
 * what this machine boots next, and its scripts would build an initramfs and change the boot loader.
 */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export const KERNEL_PACKAGE = 'linux-image-amd64';
/** A directory for each version, with `vmlinux` and `lib/modules/VERSION`; test/lab/vm/boot-image.ts reads it. */
const KERNELS = '/var/cache/weft/kernels';
/** Of real hardware: half of the package. */
const UNUSED = [
  'kernel/sound',
  'kernel/drivers/ata',
  'kernel/drivers/gpu',
  'kernel/drivers/hwmon',
  'kernel/drivers/iio',
  'kernel/drivers/infiniband',
  'kernel/drivers/input',
  'kernel/drivers/media',
  'kernel/drivers/mmc',
  'kernel/drivers/mtd',
  'kernel/drivers/scsi',
  'kernel/drivers/staging',
  'kernel/drivers/usb',
  'kernel/drivers/net/ethernet',
  'kernel/drivers/net/usb',
  'kernel/drivers/net/wireless',
];

export function hasKernel() {
  return (
    existsSync(KERNELS) &&
    readdirSync(KERNELS).some((name) => existsSync(join(KERNELS, name, 'vmlinux')))
  );
}

/** Takes the newest that apt knows. Throws with what failed, and leaves nothing half done. */
export function fetchKernel() {
  const depends = output('apt-cache', ['depends', KERNEL_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`apt knows no package ${KERNEL_PACKAGE}`);
  const version = name.replace('linux-image-', '');
  const directory = join(KERNELS, `.partial-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  try {
    // As root: the sandbox's user cannot write here.
    output('apt-get', ['-q', '-o', 'APT::Sandbox::User=root', 'download', name], directory);
    const [archive = ''] = readdirSync(directory);
    const excludes = UNUSED.map((path) => `--exclude='./lib/modules/${version}/${path}'`).join(' ');
    const unpack = `dpkg-deb --fsys-tarfile '${archive}' | tar -x ${excludes} ./boot ./lib/modules`;
    output('bash', ['-o', 'pipefail', '-c', unpack], directory);
    output('depmod', ['-b', directory, version]);
    const image = readFileSync(join(directory, `boot/vmlinuz-${version}`));
    writeFileSync(join(directory, 'vmlinux'), uncompressed(image));
    for (const left of [archive, 'boot']) rmSync(join(directory, left), { recursive: true });
    const place = join(KERNELS, version);
    rmSync(place, { recursive: true, force: true });
    renameSync(directory, place);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/**
 * QEMU can start the kernel itself, which saves the emulated processor three seconds of unpacking. Where the payload
 * is: Documentation/x86/boot.rst, setup_sects and payload_offset; Debian 12 packs it with xz.
 */
function uncompressed(image) {
  const start = (image.readUInt8(0x1f1) + 1) * 512 + image.readUInt32LE(0x248);
  const stdout = run('xz', ['-dc', '--single-stream'], { input: image.subarray(start) });
  if (stdout.subarray(1, 4).toString() !== 'ELF')
    throw new Error('the kernel does not unpack to an ELF file');
  return stdout;
}

function output(command, args, cwd = '/') {
  return run(command, args, { cwd }).toString();
}

function run(command, args, options) {
  const settings = { maxBuffer: 2 ** 28, ...options };
  const { status, stdout, stderr, error } = spawnSync(command, args, settings);
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')}: ${error?.message ?? stderr.toString().trim()}`);
  return stdout;
}
