/**
 * The chains of iptables' filter table in which forwarded packets meet a policy or rule that may drop
 * them, the one that counts most first. Data for the firewall's plan and for the driver that reads them.
 */
export interface ForwardChain {
  readonly name: string;
  /** Where a new rule of ours goes. An existing one is never moved: what a user puts above it is meant. */
  readonly position: 'first' | 'last';
}

export const FORWARD_CHAINS: readonly ForwardChain[] = [
  // Docker keeps this one for others and jumps to it before its own drops; older versions end it with RETURN.
  { name: 'DOCKER-USER', position: 'first' },
  { name: 'FORWARD', position: 'last' },
];

/** The comment of every iptables rule of ours: how it is known again. */
export const FORWARD_COMMENT = 'weft forward';
