/** Why a network is not created or removed: one sentence, and what to do. */

/** Words for what the control API has codes for. */
export type NetworkProblem =
  | 'usage'
  | 'exists'
  | 'overlap'
  | 'full'
  | 'unknown'
  | 'used'
  | 'etcd'
  | 'failed';

export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly problem: NetworkProblem;
  /** An imperative, without a full stop. */
  readonly fix: string | undefined;

  constructor(problem: NetworkProblem, message: string, fix?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.problem = problem;
    this.fix = fix;
  }
}
