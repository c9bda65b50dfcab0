/** `weft endpoint exec ENDPOINT -- PROGRAM …`: in its network namespace, by the tools that this is left to anyway. */
import { spawnSync } from 'node:child_process';
import { basename, dirname } from 'node:path';
import { WeftError } from '../../controlplane/api/errors.ts';
import { withDaemon } from '../daemon.ts';
import { EXIT } from '../exit-code.ts';
import type { Context } from '../io.ts';

export async function run(context: Context): Promise<number> {
  const [text = '', ...program] = context.words;
  let namespace = '';
  await withDaemon(context, async (client) => {
    const endpoint = await client.endpoint.get(text);
    if (endpoint.namespace === undefined)
      throw new WeftError(
        'WEFT_NOT_FOUND',
        `${text} is on ${endpoint.host}, and not in a namespace of this host`,
        {
          fix: 'run the command there',
        },
      );
    namespace = endpoint.namespace;
  });
  const [command = '', ...args] = [...entrance(namespace), ...program];
  const { status, error } = spawnSync(command, args, { stdio: 'inherit' });
  if (error !== undefined)
    throw new WeftError('WEFT_FAILED', `${command} cannot be run (${error.message})`, {
      cause: error,
    });
  return status ?? EXIT.failure;
}

/** `ip netns exec` also binds the resolv.conf of a named one. */
function entrance(namespace: string): readonly string[] {
  if (dirname(namespace) === '/run/netns') return ['ip', 'netns', 'exec', basename(namespace)];
  return ['nsenter', `--net=${namespace}`, '--'];
}
