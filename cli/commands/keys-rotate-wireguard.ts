/** `weft key rotate-wireguard`: another key for this host's WireGuard devices, each step on a line as it is done. */
import type { RotationStep } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { textOf } from '../parse.ts';
import { printAnswer, printLines } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const { io, json, template, values } = context;
  const id = textOf(values, 'id') ?? '';
  await withDaemon(context, async (client) => {
    const people = !json && template === undefined;
    let last: RotationStep | undefined;
    for await (const step of client.rotateWireguardKey(id)) {
      last = step;
      if (people) printLines(io, [step.text]);
    }
    if (!people) printAnswer(context, { publicKey: last?.publicKey }, () => []);
  });
}
