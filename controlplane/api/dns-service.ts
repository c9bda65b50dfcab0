/** The service of proto/weft/v1/dns.proto, for both ends. */
import { methodDefinition } from '../../proto/service-definition.ts';
import { weft } from './generated/weft.js';

const v1 = weft.v1;
const PATH = '/weft.v1.Dns';

export const DNS = {
  getHostDns: methodDefinition(`${PATH}/GetHostDns`, {
    request: v1.GetHostDnsRequest,
    response: v1.HostDns,
  }),
  listNames: methodDefinition(`${PATH}/ListNames`, {
    request: v1.ListNamesRequest,
    response: v1.NamePage,
    responseStream: true,
  }),
  lookUp: methodDefinition(`${PATH}/LookUp`, {
    request: v1.LookUpRequest,
    response: v1.LookUpReply,
  }),
  addName: methodDefinition(`${PATH}/AddName`, {
    request: v1.AddNameRequest,
    response: v1.AddNameReply,
  }),
  removeName: methodDefinition(`${PATH}/RemoveName`, {
    request: v1.RemoveNameRequest,
    response: v1.RemoveNameReply,
  }),
  checkNames: methodDefinition(`${PATH}/CheckNames`, {
    request: v1.CheckNamesRequest,
    response: v1.CheckUpdate,
    responseStream: true,
  }),
} as const;
