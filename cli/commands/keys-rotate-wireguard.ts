/** `weft key rotate-wireguard`: another key for this host's WireGuard devices, each step on a line as it is done. */
import type { RotationStep } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer, printLines } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const { io, json, template } = context;
  await withDaemon(context, async (client) => {
    const people = !json && template === undefined;
    let last: RotationStep | undefined;
    for await (const step of client.rotateWireguardKey()) {
      last = step;
      if (people) printLines(io, [step.text]);
    }
    if (!people) printAnswer(context, { publicKey: last?.publicKey }, () => []);
  });
}
