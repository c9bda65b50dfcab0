/** The service of proto/weft/v1/endpoints.proto, for both ends. */
import { methodDefinition } from '../../proto/service-definition.ts';
import { weft } from './generated/weft.js';

const v1 = weft.v1;
const PATH = '/weft.v1.Endpoints';

export const ENDPOINTS = {
  attach: methodDefinition(`${PATH}/Attach`, {
    request: v1.AttachRequest,
    response: v1.EndpointReply,
  }),
  detach: methodDefinition(`${PATH}/Detach`, {
    request: v1.DetachRequest,
    response: v1.DetachReply,
  }),
  expose: methodDefinition(`${PATH}/Expose`, {
    request: v1.ExposeRequest,
    response: v1.EndpointReply,
  }),
  hide: methodDefinition(`${PATH}/Hide`, {
    request: v1.HideRequest,
    response: v1.DetachReply,
  }),
  getEndpoint: methodDefinition(`${PATH}/GetEndpoint`, {
    request: v1.GetEndpointRequest,
    response: v1.EndpointReply,
  }),
  listEndpoints: methodDefinition(`${PATH}/ListEndpoints`, {
    request: v1.ListEndpointsRequest,
    response: v1.EndpointPage,
    responseStream: true,
  }),
  watchEndpoints: methodDefinition(`${PATH}/WatchEndpoints`, {
    request: v1.WatchEndpointsRequest,
    response: v1.EndpointUpdate,
    responseStream: true,
  }),
} as const;
