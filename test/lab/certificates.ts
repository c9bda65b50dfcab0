/** Certificates made with openssl, for an etcd that speaks TLS. They live for a day. */
import { mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { outputOf } from './command.ts';

/** File names, PEM. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Pair {
  /** A certificate for the addresses, for both ends of a connection. */
  issue(name: string, addresses?: readonly string[]): Promise<Pair>;
}

const DAYS = '1';
/** Small and made at once, unlike RSA's. */
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** A certificate authority with its files in `directory`, which is made if missing. */
export async function makeAuthority(directory: string): Promise<Authority> {
  await mkdir(directory, { recursive: true });
  const pairOf = (name: string): Pair => ({
    cert: join(directory, `${name}.pem`),
    key: join(directory, `${name}-key.pem`),
  });
  const own = pairOf('ca');
  await openssl('req', '-x509', ...NEW_KEY, ...files(own), '-subj', `/CN=${basename(directory)}`);
  return {
    ...own,
    async issue(name, addresses = []) {
      const pair = pairOf(name);
      const request = join(directory, `${name}.csr`);
      const extensions = join(directory, `${name}.ext`);
      const names = addresses.map((address) => `IP:${address}`).join(',');
      const alternatives = names === '' ? '' : `subjectAltName=${names}\n`;
      await writeFile(extensions, `extendedKeyUsage=serverAuth,clientAuth\n${alternatives}`);
      const subject = ['-subj', `/CN=${name}`, '-keyout', pair.key, '-out', request];
      await openssl('req', '-new', ...NEW_KEY, ...subject);
      const signer = ['-CA', own.cert, '-CAkey', own.key, '-CAcreateserial', '-days', DAYS];
      await openssl(
        'x509',
        '-req',
        '-in',
        request,
        '-out',
        pair.cert,
        ...signer,
        '-extfile',
        extensions,
      );
      return pair;
    },
  };
}

function files({ cert, key }: Pair): string[] {
  return ['-days', DAYS, '-keyout', key, '-out', cert];
}

async function openssl(...args: readonly string[]): Promise<void> {
  await outputOf('openssl', args);
}
