/** The service of proto/weft/v1/networks.proto, for both ends. */
import { methodDefinition } from '../../proto/service-definition.ts';
import { weft } from './generated/weft.js';

const v1 = weft.v1;
const PATH = '/weft.v1.Networks';

export const NETWORKS = {
  createNetwork: methodDefinition(`${PATH}/CreateNetwork`, {
    request: v1.CreateNetworkRequest,
    response: v1.CreateNetworkReply,
  }),
  removeNetwork: methodDefinition(`${PATH}/RemoveNetwork`, {
    request: v1.RemoveNetworkRequest,
    response: v1.RemoveNetworkReply,
  }),
  getNetwork: methodDefinition(`${PATH}/GetNetwork`, {
    request: v1.GetNetworkRequest,
    response: v1.GetNetworkReply,
  }),
  listNetworks: methodDefinition(`${PATH}/ListNetworks`, {
    request: v1.ListNetworksRequest,
    response: v1.NetworkPage,
    responseStream: true,
  }),
  watchNetworks: methodDefinition(`${PATH}/WatchNetworks`, {
    request: v1.WatchNetworksRequest,
    response: v1.NetworkUpdate,
    responseStream: true,
  }),
} as const;
