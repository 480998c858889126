// Makes the guest's programs trust the session's authority: by the system's bundle, by Java's store, and by the variables of
// those that bring a bundle of their own.

import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { CERTIFICATE, SYSTEM_BUNDLES } from '../enforce/egress/http/bundles.ts';
import type { GuestFile } from '../guest/link.ts';
import { messageOf } from '../model/error.ts';
import { javaStore } from './java-store.ts';

/** The authority alone, for programs that add it to what they have. */
const AUTHORITY = '/etc/agent-sandbox/ca.pem';
/** All that is trusted. */
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
/** Where distributions keep the store of their Java. */
const JAVA_STORES: readonly string[] = ['/etc/ssl/certs/java/cacerts', '/etc/pki/java/cacerts'];

/** Variables of a session whose requests are judged. Read by: Node and Bun; Deno; OpenSSL, Go, Ruby; Python's requests; curl; git; pip; cargo; the AWS tools. */
export const TRUST_VARIABLES: readonly (readonly [name: string, file: string])[] = [
  ['NODE_EXTRA_CA_CERTS', AUTHORITY],
  ['DENO_CERT', AUTHORITY],
  ['SSL_CERT_FILE', BUNDLE],
  ['REQUESTS_CA_BUNDLE', BUNDLE],
  ['CURL_CA_BUNDLE', BUNDLE],
  ['GIT_SSL_CAINFO', BUNDLE],
  ['PIP_CERT', BUNDLE],
  ['CARGO_HTTP_CAINFO', BUNDLE],
  ['AWS_CA_BUNDLE', BUNDLE],
];

/** Authorities that the host's variables add to those it believes, as PEM; `onFault` hears of a file that cannot be read. */
export function hostAuthorities(
  environment: Readonly<Record<string, string | undefined>>,
  onFault: (message: string) => void,
): string[] {
  return ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE'].flatMap((name) => {
    const file = environment[name];
    if (file === undefined || file === '') return [];
    try {
      return readFileSync(file, 'latin1').match(CERTIFICATE) ?? [];
    } catch (error) {
      onFault(`${name} names ${file}, which cannot be read: ${messageOf(error)}`);
      return [];
    }
  });
}

/** `authority`: PEM of the session's certificate. `exists`, `read`: the host's files. */
export function trustFiles(
  authority: string,
  exists: (file: string) => boolean = existsSync,
  read: (file: string) => string = (file) => readFileSync(file, 'utf8'),
): GuestFile[] {
  const found = SYSTEM_BUNDLES.find((file) => exists(file));
  const trusted = found === undefined ? rootCertificates.join('\n') : read(found);
  const bundle = `${trusted.trimEnd()}\n${authority}`;
  const places = new Set([BUNDLE, ...SYSTEM_BUNDLES.filter((file) => exists(file))]);
  return [
    { path: AUTHORITY, content: authority },
    ...[...places].map((path) => ({ path, content: bundle })),
    ...JAVA_STORES.filter((file) => exists(file)).map((path) => ({
      path,
      content: javaStore(bundle),
    })),
  ];
}
