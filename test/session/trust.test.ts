import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { javaStore } from '../../src/session/java-store.ts';
import { guestTrust } from '../../src/session/trust.ts';
import type { Disk } from '../../src/session/trust.ts';

const AUTHORITY = '-----BEGIN CERTIFICATE-----\nYXV0aG9yaXR5\n-----END CERTIFICATE-----\n';
const HOST = '-----BEGIN CERTIFICATE-----\naG9zdA==\n-----END CERTIFICATE-----\n';
const MIRROR = '-----BEGIN CERTIFICATE-----\nbWlycm9y\n-----END CERTIFICATE-----';

/** A host with these files. */
const disk = (files: Record<string, string>): Disk => ({
  exists: (file) => file in files,
  read: (file) => files[file] ?? '',
});

describe('guestTrust', () => {
  it("puts the authority behind the host's bundle, wherever the host keeps one", () => {
    const { files } = guestTrust(AUTHORITY, [], disk({ '/etc/pki/tls/certs/ca-bundle.crt': HOST }));
    expect(files).toEqual([
      { path: '/etc/agent-sandbox/ca.pem', content: AUTHORITY },
      { path: '/etc/ssl/certs/ca-certificates.crt', content: HOST + AUTHORITY },
      { path: '/etc/pki/tls/certs/ca-bundle.crt', content: HOST + AUTHORITY },
    ]);
  });

  it('takes the roots of Node where the host has no bundle', () => {
    const [, bundle] = guestTrust(AUTHORITY, [], disk({})).files;
    expect(String(bundle?.content).match(/BEGIN CERTIFICATE/g)?.length).toBeGreaterThan(50);
  });

  it("remakes Java's store where the host has one", () => {
    const { files } = guestTrust(AUTHORITY, [], disk({ '/etc/ssl/certs/java/cacerts': '' }));
    expect(files.at(-1)?.path).toBe('/etc/ssl/certs/java/cacerts');
  });

  it('names in every variable a file it makes, or the folder of one', () => {
    const { files, variables } = guestTrust(AUTHORITY, [], disk({}));
    const made = new Set(files.flatMap(({ path }) => [path, dirname(path)]));
    expect(variables.length).toBeGreaterThan(5);
    for (const [, file] of variables) expect(made).toContain(file);
  });

  it("adds the host's own authorities, with no request judged too", () => {
    const bundle = '/etc/ssl/certs/ca-certificates.crt';
    const { files, variables } = guestTrust(undefined, [MIRROR, MIRROR], disk({ [bundle]: HOST }));
    expect(files).toEqual([
      { path: '/etc/agent-sandbox/ca.pem', content: `${MIRROR}\n` },
      { path: bundle, content: `${HOST}${MIRROR}\n` },
    ]);
    expect(variables).toContainEqual(['SSL_CERT_FILE', bundle]);
  });

  it('leaves the guest as it is where the host adds nothing to its bundle', () => {
    const host = disk({ '/etc/ssl/certs/ca-certificates.crt': HOST });
    expect(guestTrust(undefined, [HOST.trimEnd()], host)).toEqual({ files: [], variables: [] });
    expect(guestTrust(undefined, [], disk({}))).toEqual({ files: [], variables: [] });
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
