// Makes the guest's programs trust the session's authority, and those that the host's variables add: by the system's bundle,
// by Java's store, and by the variables of those that bring a bundle of their own.

import { existsSync, readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { CERTIFICATE, SYSTEM_BUNDLES } from '../enforce/egress/http/bundles.ts';
import type { GuestFile } from '../guest/link.ts';
import { messageOf } from '../model/error.ts';
import { javaStore } from './java-store.ts';

const DIRECTORY = '/etc/agent-sandbox';
/** What is added, for programs that add it to what they have. */
const AUTHORITY = `${DIRECTORY}/ca.pem`;
/** All that is trusted. */
const BUNDLE = '/etc/ssl/certs/ca-certificates.crt';
/** Where distributions keep the store of their Java. */
const JAVA_STORES: readonly string[] = ['/etc/ssl/certs/java/cacerts', '/etc/pki/java/cacerts'];

/** Read by: Node and Bun; Deno; OpenSSL, Go, Ruby; Python's requests; curl; git; pip; gRPC; cargo; the AWS tools. */
const VARIABLES: readonly (readonly [name: string, file: string])[] = [
  ['NODE_EXTRA_CA_CERTS', AUTHORITY],
  ['DENO_CERT', AUTHORITY],
  ['SSL_CERT_FILE', BUNDLE],
  // Go reads every file of the usual directory besides, hundreds of them, and its handshake has ten seconds.
  ['SSL_CERT_DIR', DIRECTORY],
  ['REQUESTS_CA_BUNDLE', BUNDLE],
  ['CURL_CA_BUNDLE', BUNDLE],
  ['GIT_SSL_CAINFO', BUNDLE],
  ['PIP_CERT', BUNDLE],
  ['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH', BUNDLE],
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

export interface GuestTrust {
  files: GuestFile[];
  /** for the environment of every command */
  variables: readonly (readonly [name: string, file: string])[];
}

/** The host's files. */
export interface Disk {
  exists: (file: string) => boolean;
  read: (file: string) => string;
}

const DISK: Disk = { exists: existsSync, read: (file) => readFileSync(file, 'utf8') };

/**
 * What the guest must be told to trust: `authority`, PEM of the session's certificate where requests are judged; `extra`, PEM of
 * those the host's variables add, since a private mirror may be reached without its requests being judged. Nothing at all where
 * the host's bundle, which the guest sees, says it already.
 */
export function guestTrust(
  authority: string | undefined,
  extra: readonly string[],
  disk: Disk = DISK,
): GuestTrust {
  if (authority === undefined && extra.length === 0) return { files: [], variables: [] };
  const found = SYSTEM_BUNDLES.find((file) => disk.exists(file));
  const known = found === undefined ? rootCertificates.join('\n') : disk.read(found);
  const unknown = [...new Set(extra)].filter((pem) => !known.includes(pem));
  const added = [...(authority === undefined ? [] : [authority.trimEnd()]), ...unknown];
  if (added.length === 0) return { files: [], variables: [] };
  const text = `${added.join('\n')}\n`;
  return { files: trustFiles(text, `${known.trimEnd()}\n${text}`, disk), variables: VARIABLES };
}

function trustFiles(added: string, bundle: string, { exists }: Disk): GuestFile[] {
  const places = new Set([BUNDLE, ...SYSTEM_BUNDLES.filter((file) => exists(file))]);
  return [
    { path: AUTHORITY, content: added },
    ...[...places].map((path) => ({ path, content: bundle })),
    ...JAVA_STORES.filter((file) => exists(file)).map((path) => ({
      path,
      content: javaStore(bundle),
    })),
  ];
}
