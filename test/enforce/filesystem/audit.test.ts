// Audit mode: what would be denied happens, and is on record as a denial that was not enforced.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openShare, unavailable } from '../../support/file-share.ts';

it('audit mode lets denied files be read and written, and never what protects the host', async (context) => {
  const missing = unavailable();
  if (missing !== undefined) context.skip(missing);
  const share = await openShare({
    policy: `
version: 1
mode: audit
filesystem:
  allow: [{path: ., access: write}]
  deny:
    - {path: secret}
    - {path: fixed, access: write}
`,
    prepare: (workspace, base) => {
      writeFileSync(join(workspace, 'secret'), 'secret\n');
      writeFileSync(join(workspace, 'fixed'), 'fixed\n');
      mkdirSync(join(workspace, '.git/hooks'), { recursive: true });
      mkdirSync(join(base, 'beside'));
      writeFileSync(join(base, 'beside/f'), 'beside\n');
    },
  });
  const { stdout } = await share.run(`
    cat secret; echo more >> fixed; cat fixed; cat "$MOUNT${share.base}/beside/f"
    cat "$MOUNT/etc/shadow"; echo evil > .git/hooks/pre-commit; mv .git g2`);
  expect(stdout).toBe('secret\nfixed\nmore\nbeside\n');
  expect(readFileSync(join(share.workspace, 'fixed'), 'utf8')).toBe('fixed\nmore\n');
  const denied = share.decisions().filter((event) => event.effect === 'deny');
  const record = (request: string): unknown => denied.find((event) => event.request === request);
  expect(record(`read ${share.workspace}/secret`)).toMatchObject({ enforced: false });
  expect(record(`write ${share.workspace}/fixed`)).toMatchObject({ enforced: false });
  expect(record(`read ${share.base}/beside/f`)).toMatchObject({ enforced: false });
  expect(record('read /etc/shadow')).toMatchObject({ enforced: true });
  expect(
    denied.some(
      (event) => event.enforced && event.request.startsWith(`write ${share.workspace}/.git`),
    ),
  ).toBe(true);
  await share.close();
});
