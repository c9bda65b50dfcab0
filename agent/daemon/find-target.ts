/** From the words of the command to a network namespace of this machine. */
import { findContainer, runtimePlaces } from '../container/find.ts';
import type { FoundTarget } from '../endpoint/parts.ts';
import { EndpointError } from '../endpoint/errors.ts';
import type { Target } from '../endpoint/target.ts';
import { KernelError } from '../kernel/errno.ts';
import { namespaceAt } from '../kernel/namespace.ts';

/** Rejects with an EndpointError that says what was looked for, and where. */
export async function findTarget(target: Target): Promise<FoundTarget> {
  const found = await namespaceOf(target);
  if (found.namespace.inode !== namespaceAt('/proc/self/ns/net').inode) return found;
  throw new EndpointError(
    'no-target',
    'that is the network namespace of this host itself',
    'let the host join with weft expose',
  );
}

async function namespaceOf(target: Target): Promise<FoundTarget> {
  switch (target.type) {
    case 'netns':
      return { namespace: opened(target.path, 'list them with ip netns') };
    case 'pid':
      return { namespace: ofProcess(target.pid, `there is no process ${target.pid}`) };
    case 'container':
      return await ofContainer(target.name);
  }
}

async function ofContainer(name: string): Promise<FoundTarget> {
  const found = await findContainer(name);
  switch (found.state) {
    case 'running': {
      const namespace = ofProcess(found.pid, `the container ${name} has just stopped`);
      return { namespace, container: found.id, runtime: found.runtime };
    }
    case 'stopped':
      throw new EndpointError('no-target', `the container ${name} does not run`, 'start it first');
    case 'unknown':
      throw new EndpointError(
        'no-target',
        `there is no container ${name} on this host`,
        'see docker ps',
      );
    case 'silent': {
      const { engines, tasks } = runtimePlaces(process.env);
      throw new EndpointError(
        'no-target',
        `no container runtime answers for ${name}`,
        `looked at ${engines.join(', ')} and ${tasks}; name its process instead, as pid:NUMBER`,
      );
    }
  }
}

function ofProcess(pid: number, absent: string): FoundTarget['namespace'] {
  const path = `/proc/${pid}/ns/net`;
  try {
    return namespaceAt(path);
  } catch (cause) {
    throw new EndpointError('no-target', absent, undefined, cause);
  }
}

function opened(path: string, fix: string): FoundTarget['namespace'] {
  try {
    return namespaceAt(path);
  } catch (cause) {
    if (!(cause instanceof KernelError)) throw cause;
    throw new EndpointError('no-target', cause.message, fix, cause);
  }
}
