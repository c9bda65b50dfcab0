/** Names for tests: a member of the gossip that says them, and programs that ask for them. */
import { fileURLToPath } from 'node:url';
import {
  encodeEndpoint,
  encodeName,
  keyOfName,
  type Endpoint,
  type Name,
} from '../../controlplane/names/index.ts';
import type { Child } from './child.ts';
import type { Host } from './host.ts';
import type { Namespace } from './namespace.ts';

const SPEAKER = fileURLToPath(new URL('../e2e/programs/names-speaker.ts', import.meta.url));
const PORT = 7950;

export function v4(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** `id`: a number, written as an id. */
export function endpointOf(
  id: number,
  network: string,
  names: readonly string[],
  addresses: readonly Uint8Array[],
  more: Partial<Endpoint> = {},
): Endpoint {
  return {
    id: id.toString(16).padStart(16, '0'),
    network,
    addresses,
    mac: Uint8Array.of(2, 0, 0, 0, 0, id),
    names,
    ports: [],
    host: false,
    ...more,
  };
}

/** Says what it is told to as the member `name`, beside the host's own. */
export class NamesSpeaker {
  readonly #child: Child;

  constructor(host: Host, name: string, port = PORT) {
    const args = [
      '--import',
      'tsx',
      SPEAKER,
      host.address,
      String(port),
      `${host.address}:7946`,
      name,
    ];
    this.#child = host.spawn(process.execPath, args, { input: true });
  }

  async ready(): Promise<this> {
    await this.#child.waitForLine(/^listens$/);
    return this;
  }

  put(endpoint: Endpoint): void {
    this.#say('put endpoint', endpoint.id, Buffer.from(encodeEndpoint(endpoint)).toString('hex'));
  }

  remove({ id }: Endpoint): void {
    this.#say('remove endpoint', id);
  }

  putName(name: Name): void {
    this.#say('put name', keyOfName(name), Buffer.from(encodeName(name)).toString('hex'));
  }

  /** Without a word to the others. */
  kill(): Promise<unknown> {
    return this.#child.stop('SIGKILL');
  }

  #say(...words: readonly string[]): void {
    this.#child.write(words.join(' '));
  }
}

export interface Dug {
  /** `NOERROR`, `NXDOMAIN`, …; undefined: no answer. */
  readonly status: string | undefined;
  /** `qr aa rd ra`. */
  readonly flags: string;
  /** What follows the type, of each record of the answer, in its order. */
  readonly data: readonly string[];
  /** Whole lines. */
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  /** UDP or TCP. */
  readonly transport: string | undefined;
  readonly text: string;
}

/** `dig @SERVER ARGS`, split at blanks, in the namespace. */
export async function dig(place: Namespace, server: string, args: string): Promise<Dug> {
  const words = [`@${server}`, '+tries=1', '+time=3', '+noidnout', ...args.split(' ')];
  const { stdout: text } = await place.exec('dig', words, { timeoutMs: 15_000 });
  const section = (name: string): string[] => {
    const [, rest = ''] = text.split(`;; ${name} SECTION:\n`);
    return (rest.split('\n\n')[0] ?? '')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(';'));
  };
  const answers = section('ANSWER');
  return {
    status: /status: (\w+)/.exec(text)?.[1],
    flags: /;; flags: ([a-z ]+);/.exec(text)?.[1] ?? '',
    data: answers.map((line) => line.split(/\s+/).slice(4).join(' ')),
    answers,
    authority: section('AUTHORITY'),
    transport: /SERVER: .*\((UDP|TCP)\)/.exec(text)?.[1],
    text,
  };
}
