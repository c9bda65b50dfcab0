/** `weft keys rotate-wireguard`: another key for this host's WireGuard devices, each step on a line as it is done. */
import type { RotationStep } from '../../controlplane/api/model.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printJson, printLines } from '../print.ts';

export async function run(context: Context): Promise<void> {
  const { io, json } = context;
  await withDaemon(context, async (client) => {
    let last: RotationStep | undefined;
    for await (const step of client.rotateWireguardKey()) {
      last = step;
      if (!json) printLines(io, [step.text]);
    }
    if (json) printJson(io, { publicKey: last?.publicKey });
  });
}
