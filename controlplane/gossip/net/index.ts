/** Face of the sockets: gossip's messages on one port, by UDP and TCP. */
export { addressBytes, addressText, endpointText, isUnspecified } from './address.ts';
export { findPlace, isOwn, type Place } from './place.ts';
export { Transport, type Receiver, type TransportCounts } from './transport.ts';
