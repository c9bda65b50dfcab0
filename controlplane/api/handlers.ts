/** What the daemon answers the control API with, without a word of gRPC. */
import type {
  KeyAction,
  KeyReport,
  Lease,
  LeaseChange,
  Member,
  MemberChange,
  Peer,
  PeerChange,
  Plan,
  RotationStep,
  Status,
} from './model.ts';

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
  /** Every other host that has a lease. */
  peers(): Iterable<Peer>;
  /** Calls back for every change from now on. Returns the function that ends that. */
  watchPeers(listener: (change: PeerChange) => void): () => void;
  /** Every member. All that follows throws a WeftError when gossip is off. */
  members(): Iterable<Member>;
  /** Calls back for every change from now on. Returns the function that ends that. */
  watchMembers(listener: (change: MemberChange) => void): () => void;
  /** Which keys every member has. */
  keys(): Promise<KeyReport>;
  /** Lets every member do it; `key` may be anything, and is refused with WEFT_USAGE unless it is one. */
  changeKey(action: KeyAction, key: string): Promise<KeyReport>;
  /** Tells each step; resolves when this host's WireGuard key is another one. Throws a WeftError when it stays. */
  rotateWireguardKey(tell: (step: RotationStep) => void): Promise<void>;
}

/** The part of the house's logger that the server needs. */
export interface ErrorLog {
  error(fields: object, message: string): void;
}

export interface ControlLog extends ErrorLog {
  info(fields: object, message: string): void;
}
