/** What the daemon answers the control API with, without a word of gRPC. */
import type { Lease, LeaseChange, Plan, Status } from './model.ts';

export interface ControlHandlers {
  status(): Status;
  /** Calls back whenever status() would say something else; may do so often. Returns the function that ends that. */
  watchStatus(changed: () => void): () => void;
  /** Every lease. Walked in slices between which changes may come; a walk may show them or not. */
  leases(): Iterable<Lease>;
  /** Calls back for every change from now on. Returns the function that ends that. */
  watchLeases(listener: (change: LeaseChange) => void): () => void;
  /** Changes nothing. */
  plan(): Promise<Plan>;
}

/** The part of the house's logger that the server needs. */
export interface ErrorLog {
  error(fields: object, message: string): void;
}
