/** Namespaces of nobody: for weft to attach, as a container's would be. */
import type { Host } from './host.ts';
import { Namespace } from './namespace.ts';

/** Makes one on the host's ground; it goes with the lab. */
export async function makeTarget(host: Host, name: string): Promise<Namespace> {
  const target = new Namespace(host.lab, `${host.name}-${name}`, {}, { ground: host.ground });
  await host.ground.apply('ip', ['netns', 'add', target.netns]);
  return target;
}

export async function removeTarget({ ground, netns }: Namespace): Promise<void> {
  await ground.apply('ip', ['netns', 'del', netns]);
}
