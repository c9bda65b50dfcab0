/** What a CNI plugin says when it fails (SPEC.md of containernetworking/cni, "Error"). */

/** Numbers below 100 are the specification's. docs/cni.md lists them all. */
export const CODE = {
  version: 1,
  unknownContainer: 3,
  environment: 4,
  io: 5,
  decode: 6,
  config: 7,
  /** Try again later. */
  later: 11,
  /** STATUS: no ADD would work. */
  unavailable: 50,
  /** weftd says no. */
  refused: 100,
  /** CHECK: it is not as ADD left it. */
  differs: 101,
} as const;

export type CodeName = keyof typeof CODE;

export class CniError extends Error {
  override readonly name = 'CniError';
  readonly code: number;
  /** What to do about it. */
  readonly details: string | undefined;

  /** `message`: one sentence, no full stop. */
  constructor(code: CodeName, message: string, details?: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = CODE[code];
    this.details = details;
  }
}

/** What is shown of text that somebody else wrote. In UTF-16 units. */
const SHOWN_LIMIT = 64;

/** Quoted, on one line, and short. */
export function shown(text: string): string {
  return JSON.stringify(text.length <= SHOWN_LIMIT ? text : `${text.slice(0, SHOWN_LIMIT)}…`);
}
