import { status, type ServiceError } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { etcdErrorFrom } from './errors.ts';

const HTTPS = { endpoints: ['https://192.0.2.9:2379'] };
const HTTP = { endpoints: ['http://192.0.2.9:2379'] };

function unavailable(last: string): ServiceError {
  const details = `No connection established. Last error: ${last}. Resolution note: `;
  return { code: status.UNAVAILABLE, details } as ServiceError;
}

/** What grpc-js and Node 20 said, word for word. */
test.each([
  [
    '807CCAAF357F0000:error:0A000412:SSL routines:ssl3_read_bytes:sslv3 alert bad certificate:../deps/openssl/openssl/ssl/record/rec_layer_s3.c:1601:SSL alert number 42',
    'refuses the certificate of this host (sslv3 alert bad certificate); give in --etcd-certfile',
  ],
  ['unable to verify the first certificate', 'does not trust (unable to verify'],
  ['self-signed certificate in certificate chain', 'does not trust (self-signed certificate in'],
  [
    "Hostname/IP does not match certificate's altnames: IP: 192.0.2.9 is not in the cert's list: 192.0.2.1",
    'has a certificate for other names',
  ],
  [
    'Client network socket disconnected before secure TLS connection was established',
    'makes no TLS connection',
  ],
  ['read ECONNRESET', 'makes no TLS connection (read ECONNRESET); check whether it serves https'],
])('over https: %s', (last, sentence) => {
  const error = etcdErrorFrom(unavailable(last), HTTPS);
  expect(error).toMatchObject({ code: 'ETCD_TLS' });
  expect(error.message).toContain(sentence);
  expect(error.message).not.toMatch(/openssl\/|\n/);
});

test('without TLS nothing is said of certificates, nor the time of a failure', () => {
  const error = etcdErrorFrom(unavailable('Failed to connect (2026-11-21T03:59:36.701Z)'), HTTP);
  expect(error).toMatchObject({ code: 'ETCD_UNREACHABLE' });
  expect(error.message).toContain('does not answer at http://192.0.2.9:2379 (Failed to connect);');
  const reset = etcdErrorFrom(unavailable('read ECONNRESET'), HTTP);
  expect(reset).toMatchObject({ code: 'ETCD_UNREACHABLE' });
});
