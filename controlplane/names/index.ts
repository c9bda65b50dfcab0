/** Face of what hosts say of endpoints and names. Pure. */
export { HOST_NETWORK, isLabel, isName, isNetwork, NAME_LIMIT } from './label.ts';
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
} from './records.ts';
