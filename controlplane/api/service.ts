/** The service of proto/weft/v1/control.proto, for both ends. */
import { methodDefinition } from '../../proto/service-definition.ts';
import { weft } from './generated/weft.js';

const v1 = weft.v1;
const PATH = '/weft.v1.Control';

export const CONTROL = {
  getStatus: methodDefinition(`${PATH}/GetStatus`, {
    request: v1.GetStatusRequest,
    response: v1.Status,
  }),
  watchStatus: methodDefinition(`${PATH}/WatchStatus`, {
    request: v1.WatchStatusRequest,
    response: v1.Status,
    responseStream: true,
  }),
  listLeases: methodDefinition(`${PATH}/ListLeases`, {
    request: v1.ListLeasesRequest,
    response: v1.LeasePage,
    responseStream: true,
  }),
  watchLeases: methodDefinition(`${PATH}/WatchLeases`, {
    request: v1.WatchLeasesRequest,
    response: v1.LeaseUpdate,
    responseStream: true,
  }),
  getPlan: methodDefinition(`${PATH}/GetPlan`, {
    request: v1.GetPlanRequest,
    response: v1.PlanPage,
    responseStream: true,
  }),
  listMembers: methodDefinition(`${PATH}/ListMembers`, {
    request: v1.ListMembersRequest,
    response: v1.MemberPage,
    responseStream: true,
  }),
  watchMembers: methodDefinition(`${PATH}/WatchMembers`, {
    request: v1.WatchMembersRequest,
    response: v1.MemberUpdate,
    responseStream: true,
  }),
  listPeers: methodDefinition(`${PATH}/ListPeers`, {
    request: v1.ListPeersRequest,
    response: v1.PeerPage,
    responseStream: true,
  }),
  watchPeers: methodDefinition(`${PATH}/WatchPeers`, {
    request: v1.WatchPeersRequest,
    response: v1.PeerUpdate,
    responseStream: true,
  }),
  listKeys: methodDefinition(`${PATH}/ListKeys`, {
    request: v1.ListKeysRequest,
    response: v1.KeyPage,
    responseStream: true,
  }),
  changeKey: methodDefinition(`${PATH}/ChangeKey`, {
    request: v1.ChangeKeyRequest,
    response: v1.KeyPage,
    responseStream: true,
  }),
  rotateWireguardKey: methodDefinition(`${PATH}/RotateWireguardKey`, {
    request: v1.RotateWireguardKeyRequest,
    response: v1.RotationStep,
    responseStream: true,
  }),
} as const;
