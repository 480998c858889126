// Self-signed server certificates for tests, made at test time: no key lies in the repository.

import {
  createCertificate as issue,
  createKeyPair,
} from '../../src/enforce/egress/http/certificate.ts';

export interface TestCertificate {
  /** PEM */
  key: string;
  /** PEM; also its own authority */
  cert: string;
}

export function createCertificate(
  names: readonly [string, ...string[]],
  span = { notBefore: new Date('2020-01-01'), notAfter: new Date('2049-12-31') },
): TestCertificate {
  const key = createKeyPair();
  return {
    key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: issue({ name: names[0], key, isAuthority: false, alternatives: names, ...span }),
  };
}
