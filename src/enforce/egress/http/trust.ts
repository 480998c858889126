// Whose certificates the host believes of servers: Node's own list and the system's bundle, as programs on the host would.
// Invariant: nothing that a guest can write is read here.

import { readFileSync } from 'node:fs';
import type { SecureContext } from 'node:tls';

import { CERTIFICATE, SYSTEM_BUNDLES } from './bundles.ts';
import { tls } from './node.ts';

/** `extra`: certificates in PEM, believed besides the host's. Takes some 60 ms: made once and kept. */
export function createTrust(extra: readonly string[] = []): SecureContext {
  const more = new Set([...extra, ...readSystemBundle()]);
  for (const pem of tls.rootCertificates) more.delete(pem);
  // Without `ca` the context starts from Node's list; adding to it drops NODE_EXTRA_CA_CERTS, so that comes with `extra`.
  const context = tls.createSecureContext({ minVersion: 'TLSv1.2' });
  const native = context.context as { addCACert(pem: string): void };
  for (const pem of more) {
    try {
      native.addCACert(pem);
    } catch {
      // One entry that cannot be read must not take the others' trust away: it just vouches for nobody.
    }
  }
  return context;
}

function readSystemBundle(): string[] {
  for (const path of SYSTEM_BUNDLES) {
    try {
      return readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
    } catch {
      // Another distribution's place.
    }
  }
  return [];
}
