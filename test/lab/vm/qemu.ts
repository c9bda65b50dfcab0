/** The command line of a machine. */
import type { BootImage } from './boot-image.ts';
import type { MachineOptions } from './machine.ts';

const MEMORY_MB = 384;
/** In MiB, what QEMU keeps of translated code beside the machine's memory; a gigabyte unless told. */
const TRANSLATED_MB = 256;
/** The plainest: what `max` has besides (AVX, five levels of page tables) takes half as long again to emulate. */
const CPU = 'qemu64,+rdrand';

/** Program and arguments. `console` is the file for what the kernel prints. */
export function qemuArguments(
  { name, netns, tap, mac, share, memoryMb = MEMORY_MB, systemd = false }: MachineOptions,
  { kernel, initrd, modules }: BootImage,
  console: string,
): [string, ...string[]] {
  const environment = {
    WEFT_NAME: name,
    WEFT_SHARE: share,
    WEFT_MODULES: modules,
    WEFT_NODE: process.execPath,
    WEFT_INIT: systemd ? 'systemd' : 'agent',
  };
  const accelerator = `tcg,thread=multi,tb-size=${TRANSLATED_MB}`;
  const options: readonly (readonly string[])[] = [
    ['-name', name],
    ['-machine', 'q35', '-accel', accelerator, '-cpu', CPU, '-smp', '1'],
    ['-m', `${memoryMb}`],
    ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ['-kernel', kernel, '-initrd', initrd, '-append', commandLine(environment)],
    ['-serial', `file:${console}`],
    ['-chardev', 'stdio,id=agent,signal=off', '-device', 'virtio-serial-pci'],
    ['-device', 'virtserialport,chardev=agent,name=weft'],
    folder('root', '/', 'none,readonly=on'),
    folder('share', share, 'passthrough'),
    ['-netdev', `tap,id=eth0,ifname=${tap},script=no,downscript=no`],
    ['-device', `virtio-net-pci,netdev=eth0,mac=${mac},romfile=`],
    ['-device', 'virtio-rng-pci'],
  ];
  // It ends with us, however we end (prctl(2), PR_SET_PDEATHSIG).
  const guard = ['setpriv', '--pdeathsig', 'KILL'];
  const program = [...guard, 'qemu-system-x86_64', ...options.flat()];
  return ['nsenter', `--net=/run/netns/${netns}`, ...program];
}

function folder(tag: string, path: string, model: string): string[] {
  const comma = path.replaceAll(',', ',,');
  const backend = `local,id=${tag},path=${comma},security_model=${model},multidevs=remap`;
  return ['-fsdev', backend, '-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`];
}

/** A panic ends the machine. What has an equals sign and no dot becomes the environment of the first program. */
function commandLine(environment: Readonly<Record<string, string>>): string {
  return [
    'console=ttyS0 loglevel=5 panic=-1 mitigations=off net.ifnames=0',
    ...Object.entries(environment).map(([name, value]) => `${name}="${value}"`),
  ].join(' ');
}
