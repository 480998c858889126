// The directory that guest and host share: made where nobody has put anything, seen by nobody else, and gone afterwards.
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { chmodSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { createHandover, removeHandover } from '../../src/action/handover.ts';

const STEP = { repository: 'acme/app', job: 'agent', step: 'sandbox' };
/** no user of this machine's */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'handover-test-'));
  vi.stubEnv('TMPDIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

describe('the directory of a step', () => {
  it('is another where there is one of its name, whatever that is', () => {
    const { directory: first } = createHandover(STEP, 'true');
    rmSync(first, { recursive: true });
    mkdirSync(join(directory, 'elsewhere'));
    symlinkSync(join(directory, 'elsewhere'), first);
    expect(createHandover(STEP, 'true').directory).toBe(`${first}-1`);
    expect(existsSync(join(directory, 'elsewhere', 'script'))).toBe(false);
  });

  it('is open to another user only where the guest is one', () => {
    const { directory: made, script } = createHandover(STEP, 'true');
    expect(statSync(made).mode & 0o777).toBe(isRoot ? 0o711 : 0o700);
    expect(statSync(script).mode & 0o777).toBe(isRoot ? 0o444 : 0o400);
  });

  it('is removed with what nobody may look into, and nothing behind a link', () => {
    chmodSync(directory, 0o777);
    // Root may look into everything.
    if (isRoot) process.seteuid?.(NOBODY);
    try {
      const { directory: made } = createHandover(STEP, 'true');
      const kept = join(directory, 'kept');
      writeFileSync(kept, 'x', { mode: 0o600 });
      mkdirSync(join(made, 'output.d', 'inner', 'more'), { recursive: true });
      symlinkSync(directory, join(made, 'output.d', 'link'));
      chmodSync(join(made, 'output.d', 'inner'), 0);
      removeHandover(made);
      expect(existsSync(made)).toBe(false);
      expect(existsSync(kept)).toBe(true);
    } finally {
      if (isRoot) process.seteuid?.(0);
    }
  });
});
