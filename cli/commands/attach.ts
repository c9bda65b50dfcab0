/** `weft attach TARGET [NETWORK]`: one endpoint more. */
import { randomBytes } from 'node:crypto';
import { withDaemon } from '../daemon.ts';
import { attachedLine } from '../endpoint-text.ts';
import type { Context } from '../io.ts';
import { listOf, textOf } from '../parse.ts';
import { printAnswer } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const { words, values } = context;
  const [target = '', network = ''] = words;
  await withDaemon(context, async (client) => {
    const endpoint = await client.endpoint.attach({
      id: textOf(values, 'id') ?? newId(),
      target,
      network,
      names: listOf(values, 'name'),
      addresses: listOf(values, 'ip'),
      gateway: textOf(values, 'gw') ?? '',
      link: textOf(values, 'ifname') ?? '',
      mac: textOf(values, 'mac') ?? '',
      resolver: values['resolver'] === true,
      ports: listOf(values, 'port'),
      links: listOf(values, 'link'),
      dnsInside: values['dns-inside'] === true,
    });
    printAnswer(context, endpoint, () => [attachedLine(endpoint)]);
  });
}

/** As endpoints.proto wants them. */
export function newId(): string {
  return randomBytes(8).toString('hex');
}
