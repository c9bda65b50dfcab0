/**
 * A member of the gossip that says endpoints and names, and nothing else: BIND PORT JOIN NAME. On its input, a line each:
 * `put KIND KEY PAYLOAD-IN-HEX` or `remove KIND KEY`; it answers `listens`, then `done` to each.
 */
import { createInterface } from 'node:readline';
import { startGossip } from '../../../controlplane/gossip/index.ts';

const [bind = '', port = '', join = '', name = ''] = process.argv.slice(2);
const agent = startGossip({ name, bind, port: Number(port), join: [join] });
await agent.ready();
process.stdout.write('listens\n');

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [verb, kind = '', key = '', payload = ''] = line.split(' ');
    if (verb === 'put') agent.put(kind, key, Buffer.from(payload, 'hex'));
    else agent.remove(kind, key);
    process.stdout.write('done\n');
  })
  .on('close', () => process.exit(0));
