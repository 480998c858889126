// What npm says of signatures, by a stand-in for npm: its root of trust is not to be reached from tests.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { vouchNpm, type Vouched } from '../../src/install/signatures.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'signatures-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** npm that prints `audit` for `npm audit signatures` and `view` for `npm view`. */
function vouch(audit: unknown, view: unknown, code = 0): Promise<Vouched> {
  const print = (value: unknown): string =>
    typeof value === 'string' ? value : `cat <<'END'\n${JSON.stringify(value)}\nEND`;
  const npm = join(directory, 'npm');
  writeFileSync(
    npm,
    `#!/bin/sh\nif [ "$1 $2 $3" = "audit signatures --json" ]; then\n${print(audit)}\nexit ${code}\nfi\n[ "$*" = "view a@1.0.0 dist.attestations --json" ] || exit 9\n${print(view)}\n`,
  );
  chmodSync(npm, 0o755);
  return vouchNpm(
    { manager: 'npm', name: 'a', version: '1.0.0', args: [] },
    { path: `${directory}:/usr/bin:/bin`, environment: {}, directory },
  );
}

const SLSA = { provenance: { predicateType: 'https://slsa.dev/provenance/v1' } };

describe("npm's word for a package", () => {
  it('holds where everything is signed and it says where it was built', async () => {
    expect(await vouch({ invalid: [], missing: [] }, SLSA)).toEqual({
      signatures: 'valid',
      provenance: 'valid',
    });
  });

  it('is no provenance where the registry has none', async () => {
    expect(await vouch({ invalid: [], missing: [] }, '')).toEqual({
      signatures: 'valid',
      provenance: 'missing',
    });
  });

  it('is nothing where some part of the tree is not signed', async () => {
    expect(await vouch({ invalid: [], missing: [{ name: 'b' }] }, SLSA)).toEqual({
      signatures: 'missing',
      provenance: 'missing',
    });
  });

  it('refuses the tree where a signature does not hold', async () => {
    await expect(
      vouch({ invalid: [{ name: 'b', version: '2.0.0' }], missing: [] }, SLSA, 1),
    ).rejects.toMatchObject({
      code: 'INSTALL_BAD_SIGNATURE',
      message: expect.stringContaining('b@2.0.0') as string,
    });
  });

  it.each([
    [{ error: { code: 'ENOTFOUND' } }],
    ['echo not json'],
    ['true'],
    [{ invalid: {}, missing: [] }],
  ])('is unknown where npm could not find out: %j', async (audit) => {
    expect(await vouch(audit, SLSA, 1)).toMatchObject({
      signatures: 'unknown',
      provenance: 'unknown',
    });
  });
});
