/** What was asked of gossip and cannot be: one sentence that says what to do. */

export type GossipErrorCode =
  | 'name'
  | 'bind'
  | 'advertise'
  | 'join'
  | 'tags'
  | 'label'
  | 'key'
  | 'key-file'
  | 'not-listening'
  | 'stopped';

export class GossipError extends Error {
  override readonly name = 'GossipError';
  /** Which part is wrong. */
  readonly code: GossipErrorCode;

  constructor(code: GossipErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
