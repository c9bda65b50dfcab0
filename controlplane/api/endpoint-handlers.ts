/** What the daemon answers of endpoints, without a word of gRPC. All throw a WeftError. */
import type { Attach, Endpoint, EndpointChange, Expose } from './endpoint-model.ts';

export interface EndpointHandlers {
  attach(request: Attach): Promise<Endpoint>;
  /** By id, name or target. False: there is none of that id. */
  detach(endpoint: string): Promise<boolean>;
  expose(request: Expose): Promise<Endpoint>;
  hide(network: string): Promise<boolean>;
  /** By id, name or target, this host's own first. */
  endpoint(endpoint: string): Endpoint;
  /** Of every host. */
  endpoints(): Iterable<Endpoint>;
  /** Calls back for every change from now on. Returns the function that ends that. */
  watchEndpoints(listener: (change: EndpointChange) => void): () => void;
}
