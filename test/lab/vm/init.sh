#!/bin/busybox sh
# The first program of a machine, in its initramfs. The machine's root is this machine's own tree, read-only, under a
# tmpfs: it sees the same checkout and the same programs, and leaves nothing behind. From the kernel's command line:
# WEFT_NAME, the machine's name; WEFT_SHARE, a directory that both can write; WEFT_MODULES, the kernel's modules;
# WEFT_INIT, `systemd` if that is to be the first program of the root.
set -e
trap 'echo the machine could not be set up; echo o >/proc/sysrq-trigger; sleep 60' EXIT
export PATH=/bin
/bin/busybox --install -s /bin
mkdir /proc /sys /host /over /new
mount -t proc proc /proc
mount -t sysfs sysfs /sys
while read -r module; do insmod "/modules/$module"; done </modules/order

NINEP=trans=virtio,version=9p2000.L,msize=512000
mount -t 9p -o "$NINEP,ro,cache=loose" root /host
mount -t tmpfs -o mode=755 over /over
mkdir /over/upper /over/work
mount -t overlay -o lowerdir=/host,upperdir=/over/upper,workdir=/over/work overlay /new

# Mounted anew, as moving them does not work for all of them.
mount -t proc proc /new/proc
mount -t sysfs sysfs /new/sys
mount -t devtmpfs devtmpfs /new/dev
mount -t tmpfs -o mode=755 run /new/run
mkdir -p /new/dev/pts /new/dev/shm /new/dev/net /new/run/lock
mount -t devpts devpts /new/dev/pts
mount -t tmpfs shm /new/dev/shm
[ -e /new/dev/net/tun ] || mknod /new/dev/net/tun c 10 200
mount -t cgroup2 cgroup2 /new/sys/fs/cgroup
mkdir -p "/new$WEFT_SHARE" /new/lib/modules
mount -t 9p -o "$NINEP,cache=none" share "/new$WEFT_SHARE"
kernel=$(uname -r)
[ -e "/new/lib/modules/$kernel" ] || ln -s "$WEFT_MODULES" "/new/lib/modules/$kernel"
hostname "$WEFT_NAME"
ip link set lo up

cp /agent.cjs /new/run/weft-agent.cjs
# Ports come with messages of their own, after their device.
until named=$(grep -lxs weft /sys/class/virtio-ports/*/name); do usleep 10000; done
port=$(basename "$(dirname "$named")")
umount /proc /sys

if [ "$WEFT_INIT" = systemd ]; then
  # Of this machine's services none is wanted, and none that would wait for devices; the agent is one.
  units=/new/run/systemd/system
  mkdir -p "$units"
  for unit in systemd-udevd.service systemd-udev-trigger.service systemd-timesyncd.service; do
    ln -s /dev/null "$units/$unit"
  done
  # By the latter it would take itself for a guest of a container's, whose mounts nobody is told of.
  rm -f /new/etc/fstab /new/.dockerenv
  cat >"$units/weft-machine.target" <<END
[Unit]
Requires=basic.target weft-agent.service
END
  cat >"$units/weft-agent.service" <<END
[Unit]
DefaultDependencies=no
[Service]
ExecStart=$WEFT_NODE /run/weft-agent.cjs /dev/$port
ExecStopPost=/bin/sh -c 'echo o >/proc/sysrq-trigger'
KillMode=process
END
  exec switch_root /new /lib/systemd/systemd --unit=weft-machine.target
fi

# The shell stays as the first process and buries those that lost their parent.
exec switch_root /new /bin/busybox sh -c "
  $WEFT_NODE /run/weft-agent.cjs /dev/$port
  echo the agent ended with \$?
  echo o >/proc/sysrq-trigger
  sleep 60"
