/** Several endpoints to join at, some at a time. */
import type { Endpoint } from '../effects.ts';
import type { JoinResult } from './face.ts';

/** Attempts at the same time: each is a stream with the state of the whole cluster. */
const PARALLEL = 8;

export interface JoiningOptions {
  readonly join: (to: Endpoint, done: (problem: string | undefined) => void) => void;
  /** No more are tried once so many took us in. */
  readonly enough: number;
  readonly done: (result: JoinResult) => void;
}

/** Tries each endpoint once, in order. */
export function joinAll(endpoints: readonly Endpoint[], options: JoiningOptions): void {
  const { join, enough, done } = options;
  const problems: { to: Endpoint; problem: string }[] = [];
  const waiting = [...endpoints];
  let joined = 0;
  let running = 0;
  const next = (): void => {
    const to = joined < enough && running < PARALLEL ? waiting.shift() : undefined;
    if (to !== undefined) {
      running++;
      join(to, (problem) => {
        running--;
        if (problem === undefined) joined++;
        else problems.push({ to, problem });
        next();
      });
      next();
    } else if (running === 0) finish();
  };
  let finished = false;
  const finish = (): void => {
    if (!finished) done({ joined, problems });
    finished = true;
  };
  next();
}
