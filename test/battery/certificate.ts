// A certificate authority that lives as long as the rig, and one leaf for all its names.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { ADDRESSES, RECORDS, type Layout } from './layout.ts';

export interface Leaf {
  key: Buffer;
  cert: Buffer;
}

export function makeCertificates(layout: Layout): Leaf {
  const place = join(layout.root, 'certificates');
  const file = (name: string): string => join(place, name);
  const openssl = (...argv: string[]): void =>
    void execFileSync('openssl', argv, { stdio: ['ignore', 'ignore', 'pipe'] });
  const subjects = [
    ...Object.keys(RECORDS).map((name) => `DNS:${name}`),
    'DNS:*.wild.test',
    ...ADDRESSES.map((address) => `IP:${address}`),
  ];
  execFileSync('mkdir', ['-p', place]);
  writeFileSync(
    file('leaf.ext'),
    `subjectAltName=${subjects.join(',')}\nextendedKeyUsage=serverAuth\n`,
  );
  const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...elliptic,
    '-keyout',
    file('authority.key'),
    '-out',
    layout.authority,
    '-days',
    '2',
    '-subj',
    '/CN=battery authority',
  );
  openssl(
    'req',
    ...elliptic,
    '-keyout',
    file('leaf.key'),
    '-out',
    file('leaf.csr'),
    '-subj',
    '/CN=allowed.test',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    file('leaf.csr'),
    '-CA',
    layout.authority,
    '-CAkey',
    file('authority.key'),
    '-CAcreateserial',
    '-out',
    file('leaf.pem'),
    '-days',
    '2',
    '-extfile',
    file('leaf.ext'),
  );
  return { key: readFileSync(file('leaf.key')), cert: readFileSync(file('leaf.pem')) };
}
