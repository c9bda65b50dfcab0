/** `weft network disconnect NETWORK ENDPOINT`: out of one network, and in the others as before. */
import { WeftError } from '../../controlplane/api/errors.ts';
import { withDaemon } from '../daemon.ts';
import type { Context } from '../io.ts';
import { printAnswer } from '../print.ts';
import { noEndpoint, ownEndpoints } from './network-connect.ts';

export async function run(context: Context): Promise<void> {
  const [network = '', text = ''] = context.words;
  await withDaemon(context, async (client) => {
    const endpoints = await ownEndpoints(client, text);
    if (endpoints.length === 0) throw noEndpoint(text);
    const [endpoint, another] = endpoints.filter((each) => each.network === network);
    if (endpoint === undefined)
      throw new WeftError('WEFT_NOT_FOUND', `${text} is not in the network ${network}`, {
        fix: `it is in ${endpoints.map((each) => each.network).join(', ')}`,
      });
    if (another !== undefined)
      throw new WeftError('WEFT_USAGE', `${text} may be ${endpoint.id} or ${another.id}`, {
        fix: 'name the one by its id',
      });
    const detached = await client.endpoint.detach(endpoint.id);
    printAnswer(context, { detached }, () => [`${text} is out of ${network}`]);
  });
}
