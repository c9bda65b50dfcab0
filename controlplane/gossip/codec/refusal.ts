/** Why bytes were not accepted. Inside the codec it is thrown; the codec's doors turn it into a value. */

export type Reason =
  /** Nothing where something must be. Old memberlist crashes on it, so we neither take nor send it. */
  | 'empty'
  /** Ends before it is complete. */
  | 'truncated'
  /** Not what the protocol says here. */
  | 'malformed'
  /** Over a bound of limits.ts. */
  | 'too-large'
  | 'too-deep'
  | 'unknown-type'
  | 'bad-crc'
  | 'wrong-label'
  /** Encrypted where we have no key at all. */
  | 'encrypted'
  | 'not-encrypted'
  /** None of our keys opens it. */
  | 'undecryptable';

export interface Refusal {
  readonly reason: Reason;
  /** For a person; names no secret. */
  readonly detail: string;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & Refusal);

/** Thrown inside the codec only. */
export class Refused extends Error implements Refusal {
  override readonly name = 'Refused';
  readonly reason: Reason;

  constructor(reason: Reason, detail: string) {
    super(detail);
    this.reason = reason;
  }

  get detail(): string {
    return this.message;
  }
}

/** Refused because the input ends: with at least `need` bytes of it, counted from its start, trying again makes sense. */
export class Truncated extends Refused {
  readonly need: number;

  constructor(need: number) {
    super('truncated', `at least ${need} bytes are needed`);
    this.need = need;
  }
}

/** The door: what `parse` returns, or why it refused. Errors of ours, as opposed to the sender's, pass. */
export function attempt<T>(parse: () => T): Result<T> {
  try {
    return { ok: true, value: parse() };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { ok: false, ...refusalOf(error) };
  }
}

/** Without the stack and the cause, so that keeping it keeps nothing else. */
export function refusalOf({ reason, detail }: Refusal): Refusal {
  return { reason, detail };
}
