/** Why an endpoint is not attached or detached: one sentence, and what to do. */

/** Words for what the control API has codes for. */
export type EndpointProblem =
  | 'usage'
  | 'not-ready'
  | 'no-target'
  | 'no-network'
  | 'exists'
  | 'address'
  | 'full'
  | 'failed';

export class EndpointError extends Error {
  override readonly name = 'EndpointError';
  readonly problem: EndpointProblem;
  /** An imperative, without a full stop. */
  readonly fix: string | undefined;

  constructor(problem: EndpointProblem, message: string, fix?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.problem = problem;
    this.fix = fix;
  }
}

/** Of an attach of that target. */
export function asEndpointError(cause: unknown, target: string): EndpointError {
  if (cause instanceof EndpointError) return cause;
  return new EndpointError(
    'failed',
    `${target} could not be attached: ${messageOf(cause)}`,
    undefined,
    cause,
  );
}

export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
