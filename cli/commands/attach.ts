/** `weft attach TARGET [NETWORK]`: one endpoint more. */
import { randomBytes } from 'node:crypto';
import type { Attach } from '../../controlplane/api/endpoint-model.ts';
import { withDaemon } from '../daemon.ts';
import { attachedLine } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { listOf, textOf, type Values } from '../parse.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [target = '', network = ''] = words;
  await withDaemon(context, async (client) => {
    const endpoint = await client.endpoint.attach({ ...choicesIn(values), target, network });
    printAnswer(context, endpoint, () => [attachedLine(endpoint)]);
  });
}

/** What its options choose. */
export function choicesIn(values: Values): Omit<Attach, 'target' | 'network'> {
  return {
    id: textOf(values, 'id') ?? newId(),
    names: listOf(values, 'name'),
    addresses: listOf(values, 'ip'),
    gateway: textOf(values, 'gw') ?? '',
    link: textOf(values, 'ifname') ?? '',
    mac: textOf(values, 'mac') ?? '',
    resolver: values['resolver'] === true,
    ports: listOf(values, 'port'),
    links: listOf(values, 'link'),
    dnsInside: values['dns-inside'] === true,
  };
}

/** As endpoints.proto wants them. */
export function newId(): string {
  return randomBytes(8).toString('hex');
}
