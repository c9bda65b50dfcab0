/** The daemon, for one command. */
import { connectControl, type ControlClient } from '../controlplane/api/client.ts';
import type { Context } from './io.ts';

/** Asks the daemon, and hangs up whatever happens. */
export async function withDaemon(
  context: Context,
  ask: (client: ControlClient) => Promise<void>,
): Promise<void> {
  const client = await connectControl(context.socketPath);
  try {
    await ask(client);
  } finally {
    client.close();
  }
}
