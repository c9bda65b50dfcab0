/** Programs that a test runs inside a network namespace: a request a line on stdin, an answer or an event a line on stdout. */
import { createInterface } from 'node:readline';

export interface Request {
  readonly id: number;
  readonly [field: string]: unknown;
}

/** Serves until stdin ends. */
export function serve(answer: (request: Request) => Promise<unknown>): void {
  createInterface({ input: process.stdin })
    .on('line', (line) => void respond(JSON.parse(line) as Request, answer))
    .on('close', () => process.exit(0));
}

export function tell(event: unknown): void {
  print({ event });
}

async function respond(
  request: Request,
  answer: (request: Request) => Promise<unknown>,
): Promise<void> {
  try {
    print({ id: request.id, answer: (await answer(request)) ?? null });
  } catch (cause) {
    print({ id: request.id, error: String(cause) });
  }
}

function print(message: unknown): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}
