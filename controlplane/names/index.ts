/** Face of what hosts say of endpoints and names. Pure. */
export { HOST_NETWORK, isLabel, isName, isNetwork, labelFrom, NAME_LIMIT } from './label.ts';
export { parsePort, portText } from './port.ts';
export {
  decodeEndpoint,
  decodeName,
  encodeEndpoint,
  encodeName,
  ENDPOINT_KIND,
  keyOfName,
  NAME_KIND,
  type Endpoint,
  type Name,
  type NamedPort,
} from './records.ts';
