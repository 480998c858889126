import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { javaStore } from '../../src/session/java-store.ts';
import { TRUST_VARIABLES, trustFiles } from '../../src/session/trust.ts';

const AUTHORITY = '-----BEGIN CERTIFICATE-----\nYXV0aG9yaXR5\n-----END CERTIFICATE-----\n';
const HOST = '-----BEGIN CERTIFICATE-----\naG9zdA==\n-----END CERTIFICATE-----\n';

describe('trustFiles', () => {
  it("puts the authority behind the host's bundle, wherever the host keeps one", () => {
    const files = trustFiles(
      AUTHORITY,
      (file) => file === '/etc/pki/tls/certs/ca-bundle.crt',
      () => HOST,
    );
    expect(files).toEqual([
      { path: '/etc/agent-sandbox/ca.pem', content: AUTHORITY },
      { path: '/etc/ssl/certs/ca-certificates.crt', content: HOST + AUTHORITY },
      { path: '/etc/pki/tls/certs/ca-bundle.crt', content: HOST + AUTHORITY },
    ]);
  });

  it('takes the roots of Node where the host has no bundle', () => {
    const [, bundle] = trustFiles(AUTHORITY, () => false);
    expect(String(bundle?.content).match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
  });

  it("remakes Java's store where the host has one", () => {
    const files = trustFiles(
      AUTHORITY,
      (file) => file === '/etc/ssl/certs/java/cacerts',
      () => HOST,
    );
    expect(files.at(-1)?.path).toBe('/etc/ssl/certs/java/cacerts');
  });

  it('names a file it makes in every variable', () => {
    const made = new Set(trustFiles(AUTHORITY, () => false).map(({ path }) => path));
    for (const [, file] of TRUST_VARIABLES) expect(made).toContain(file);
  });
});

describe('javaStore', () => {
  it('holds each certificate of the bundle under a digest of the whole', () => {
    const store = javaStore(HOST + AUTHORITY);
    expect(store.readUInt32BE(8)).toBe(2);
    expect(store.includes('host') && store.includes('authority')).toBe(true);
    const content = store.subarray(0, -20);
    const salt = Buffer.concat([
      Buffer.from('changeit', 'utf16le').swap16(),
      Buffer.from('Mighty Aphrodite'),
      content,
    ]);
    expect(store.subarray(-20)).toEqual(createHash('sha1').update(salt).digest());
  });
});
