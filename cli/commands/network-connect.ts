/** `weft network connect NETWORK ENDPOINT`: what has joined one network joins another, too. */
import type { ControlClient } from '../../controlplane/api/client.ts';
import { WeftError } from '../../controlplane/api/errors.ts';
import type { Endpoint } from '../../controlplane/api/endpoint-model.ts';
import { withDaemon } from '../daemon.ts';
import { attachedLine } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { choicesIn } from './attach.ts';

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [network = '', text = ''] = words;
  await withDaemon(context, async (client) => {
    const { target, names } = await meant(client, text);
    const choices = choicesIn(values);
    const endpoint = await client.endpoint.attach({
      ...choices,
      names: choices.names.length > 0 ? choices.names : names,
      target,
      network,
    });
    printAnswer(context, endpoint, () => [attachedLine(endpoint)]);
  });
}

/** A target as it is, or an endpoint of this host by name or id. */
async function meant(
  client: ControlClient,
  text: string,
): Promise<{ readonly target: string; readonly names: readonly string[] }> {
  if (text.includes(':')) return { target: text, names: [] };
  for (const { target, names } of await ownEndpoints(client, text))
    if (target !== undefined) return { target, names };
  throw noEndpoint(text);
}

/** Of this host, by name, id or target. */
export async function ownEndpoints(client: ControlClient, text: string): Promise<Endpoint[]> {
  const found: Endpoint[] = [];
  for await (const endpoint of client.endpoint.list()) {
    const { id, names, target, mine, isHost } = endpoint;
    const isMeant = id === text || target === text || names.includes(text);
    if (mine && !isHost && isMeant) found.push(endpoint);
  }
  return found;
}

export function noEndpoint(text: string): WeftError {
  return new WeftError(
    'WEFT_NOT_FOUND',
    `there is no endpoint ${JSON.stringify(text)} on this host`,
    {
      fix: 'see weft endpoint ls',
    },
  );
}
