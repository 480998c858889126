import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { expect, it } from 'vitest';

import { createAuthority } from '../../../src/enforce/egress/http/authority.ts';
import type { Authority } from '../../../src/enforce/egress/http/authority.ts';
import { createDuplexPair } from '../../support/tls.ts';

const DAY = 86_400_000;

/** The certificate that a client of `host` is shown, once it has accepted it. */
async function shown(authority: Authority, host: string): Promise<X509Certificate> {
  const [near, far] = createDuplexPair();
  new tls.TLSSocket(far, { isServer: true, secureContext: authority.contextFor(host) }).on(
    'error',
    () => undefined,
  );
  const client = tls.connect({
    socket: near,
    ca: authority.caPem(),
    host,
    ...(/[a-z]/.test(host) && !host.includes(':') && { servername: host }),
  });
  await new Promise<void>((resolve, reject) => {
    client.once('secureConnect', resolve);
    client.once('error', reject);
  });
  const leaf = client.getPeerX509Certificate();
  client.destroy();
  if (!leaf) throw new Error('no certificate');
  return leaf;
}

it.each([
  'api.example.test',
  '10.1.2.3',
  '2001:db8::17',
  `${'a'.repeat(60)}.${'b'.repeat(60)}.test`,
])('speaks for %s, to a client that trusts it', async (host) => {
  const authority = createAuthority();
  const leaf = await shown(authority, host);
  const ca = new X509Certificate(authority.caPem());
  expect(leaf.checkIssued(ca)).toBe(true);
  expect(leaf.verify(ca.publicKey)).toBe(true);
  expect(leaf.ca).toBe(false);
  expect(ca.ca).toBe(true);
  expect(Date.parse(leaf.validFrom)).toBeLessThan(Date.now());
  expect(Date.parse(leaf.validTo)).toBeGreaterThan(Date.now() + 6 * DAY);
});

it('is another one in each session', () => {
  const [one, other] = [createAuthority(), createAuthority()].map(
    (authority) => new X509Certificate(authority.caPem()),
  );
  expect(one?.subject).not.toBe(other?.subject);
  expect(one?.publicKey.equals(other?.publicKey as never)).toBe(false);
});

it('makes a certificate once for each name, keeps so many, and renews in time', () => {
  let now = Date.now();
  const authority = createAuthority({ now: () => now, capacity: 2 });
  const first = authority.contextFor('a.test');
  expect(authority.contextFor('a.test')).toBe(first);
  authority.contextFor('b.test');
  authority.contextFor('a.test');
  authority.contextFor('c.test');
  expect(authority.contextFor('a.test')).toBe(first);
  now += 2 * DAY;
  expect(authority.contextFor('a.test')).not.toBe(first);
});

it('holds before the strictest reader we have', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'authority-'));
  try {
    const authority = createAuthority();
    const leaf = await shown(authority, 'api.example.test');
    writeFileSync(join(directory, 'ca.pem'), authority.caPem());
    writeFileSync(join(directory, 'leaf.pem'), leaf.toString());
    const { stdout } = await promisify(execFile)(
      'openssl',
      [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-verify_hostname',
        'api.example.test',
        '-CAfile',
        'ca.pem',
        'leaf.pem',
      ],
      { cwd: directory },
    );
    expect(stdout.trim()).toBe('leaf.pem: OK');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
