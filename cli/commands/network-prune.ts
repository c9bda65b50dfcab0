/** `weft network prune`: networks that nobody is in. */
import { isWeftError } from '../../controlplane/api/errors.ts';
import type { ControlClient } from '../../controlplane/api/client.ts';
import type { Network } from '../../controlplane/api/network-model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { counted, printable } from '../text.ts';

export async function run(context: Context): Promise<void> {
  await withDaemon(context, async (client) => {
    const empty: Network[] = [];
    for await (const network of client.network.list())
      if (network.endpoints === 0 && network.id !== '') empty.push(network);
    const isMeant = context.values['yes'] === true;
    const networks = isMeant ? await removed(client, empty) : empty;
    printAnswer(context, networks, () => [
      ...networks.map(({ name }) => printable(name)),
      isMeant
        ? `${counted(networks.length, 'network')} removed`
        : `${counted(networks.length, 'network')} would be removed; do it with --yes`,
    ]);
  });
}

/** Those that somebody has joined or removed meanwhile are left out. */
async function removed(client: ControlClient, networks: readonly Network[]): Promise<Network[]> {
  const gone: Network[] = [];
  for (const network of networks)
    try {
      gone.push(await client.network.remove(network.id));
    } catch (cause) {
      const isOvertaken =
        isWeftError(cause) && ['WEFT_NETWORK_IN_USE', 'WEFT_NOT_FOUND'].includes(cause.code);
      if (!isOvertaken) throw cause;
    }
  return gone;
}
