/** The door to the kernel's routing room: a driver for what is ours, and facts about what is not. */
import { KernelError } from '../errno.ts';
import type { Driver } from '../kernel.ts';
import { NetlinkDriver } from './driver.ts';
import type { Userspace } from './link-operations.ts';
import { inspector, type Inspector } from './inspect.ts';
import { DumpSocket, RequestSocket } from './socket.ts';

export interface Netlink extends Inspector {
  readonly driver: Driver;
  /** Closes everything, the driver included. */
  close(): Promise<void>;
}

/** Without it, only the devices that the kernel itself has are made. */
const NO_USERSPACE: Userspace = {
  wireguard: () => Promise.resolve(new KernelError('ENOTSUP')),
  udp: () => Promise.resolve(new KernelError('ENOTSUP')),
};

/** Opens sockets in this thread's network namespace. Throws a KernelError (EPERM: not root). */
export function openNetlink(userspace = NO_USERSPACE): Netlink {
  const socket = new RequestSocket();
  const dumps = new DumpSocket();
  const driver = new NetlinkDriver(socket, dumps, userspace);
  const close = async (): Promise<void> => {
    await driver.close();
    dumps.close();
    socket.close();
  };
  return { ...inspector(socket, dumps), driver, close };
}
