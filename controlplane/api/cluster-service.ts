/** The service of proto/weft/v1/cluster.proto, for both ends. */
import { methodDefinition } from '../../proto/service-definition.ts';
import { weft } from './generated/weft.js';

const v1 = weft.v1;
const PATH = '/weft.v1.Cluster';

export const CLUSTER = {
  listHosts: methodDefinition(`${PATH}/ListHosts`, {
    request: v1.ListHostsRequest,
    response: v1.HostPage,
    responseStream: true,
  }),
  listEvents: methodDefinition(`${PATH}/ListEvents`, {
    request: v1.ListEventsRequest,
    response: v1.EventPage,
    responseStream: true,
  }),
  watchEvents: methodDefinition(`${PATH}/WatchEvents`, {
    request: v1.WatchEventsRequest,
    response: v1.EventUpdate,
    responseStream: true,
  }),
} as const;
