// The certificate authority of one session: ends the TLS of inspected connections in the guest's sight.
// Invariant: its key lives in this process's memory only, and it speaks for names and addresses that were decided.

import { randomBytes } from 'node:crypto';
import net from 'node:net';
import type { SecureContext } from 'node:tls';

import { parseAddress } from '../../../match/address.ts';
import { createCertificate, createKeyPair } from './certificate.ts';
import { tls } from './node.ts';

export interface Authority {
  /** the public certificate, for the guest to trust */
  caPem(): string;
  /** What a server for the decided host shows; made at the first call, then kept. */
  contextFor(host: string): SecureContext;
}

export interface AuthorityOptions {
  now?: () => number;
  /** certificates kept at once */
  capacity?: number;
}

const DAY = 86_400_000;
/** a guest's clock may be behind */
const BACKWARD = DAY;
/** longer than any session */
const FORWARD = 7 * DAY;
const CAPACITY = 512;

export function createAuthority(options: AuthorityOptions = {}): Authority {
  const { now = Date.now, capacity = CAPACITY } = options;
  // The name differs from session to session: a client that knows two authorities must not mistake one for the other.
  const name = `agent-sandbox session ${randomBytes(8).toString('hex')}`;
  const key = createKeyPair();
  // One key for all leaves: whoever could read it could read the authority's as well.
  const leafKey = createKeyPair();
  const leafPem = leafKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const span = (): { notBefore: Date; notAfter: Date } => ({
    notBefore: new Date(now() - BACKWARD),
    notAfter: new Date(now() + FORWARD),
  });
  const pem = createCertificate({ name, key, isAuthority: true, ...span() });
  const contexts = new Map<string, { context: SecureContext; madeAt: number }>();

  function createLeaf(host: string): SecureContext {
    const cert = createCertificate({
      name: host,
      key: leafKey,
      issuer: { name, key },
      isAuthority: false,
      alternatives: [net.isIP(host) === 0 ? host : addressBytes(host)],
      ...span(),
    });
    return tls.createSecureContext({ key: leafPem, cert, minVersion: 'TLSv1.2' });
  }

  return {
    caPem: () => pem,
    contextFor(host) {
      const known = contexts.get(host);
      contexts.delete(host); // and put behind the others: the first is the one unused longest
      const isFresh = known !== undefined && now() - known.madeAt < DAY;
      const entry = isFresh ? known : { context: createLeaf(host), madeAt: now() };
      contexts.set(host, entry);
      const [oldest] = contexts.keys();
      if (contexts.size > capacity && oldest !== undefined) contexts.delete(oldest);
      return entry.context;
    },
  };
}

function addressBytes(text: string): Buffer {
  const address = parseAddress(text);
  const bytes = Buffer.alloc(16);
  for (const [index, word] of (address?.words ?? []).entries())
    bytes.writeUInt32BE(word, index * 4);
  return address?.family === 4 ? bytes.subarray(12) : bytes;
}
