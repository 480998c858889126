import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

import { credentialCommand } from '../../src/cli/credential.ts';
import { trustCommand } from '../../src/cli/trust.ts';

let root: string;
let workspace: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'credential-cli-')));
  workspace = join(root, 'ws');
  mkdirSync(join(workspace, '.github'), { recursive: true });
  vi.stubEnv('HOME', root);
  vi.stubEnv('XDG_STATE_HOME', join(root, 'state'));
  vi.stubEnv('GITHUB_ACTIONS', '');
  vi.stubEnv('AGENT_SANDBOX_LOG_DIR', '');
  vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
});
afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  process.exitCode = 0;
  rmSync(root, { recursive: true, force: true });
});

it('mints nothing by the policy of a clone before it is accepted', async () => {
  const ran = join(root, 'ran');
  const file = join(workspace, '.github', 'agent-sandbox.yml');
  writeFileSync(
    file,
    `version: 1
network: {allow: [{host: a.test}]}
credentials:
  - id: x
    provider: command
    request: {command: [sh, -c, "touch ${ran}; echo a-secret-of-theirs"]}
    bind: [{host: a.test}]
`,
  );
  const check = ['check', 'x', '--workspace', workspace];
  await credentialCommand().parseAsync(check, { from: 'user' });
  expect(process.exitCode).not.toBe(0);
  expect(existsSync(ran)).toBe(false);

  await trustCommand().parseAsync([file], { from: 'user' });
  process.exitCode = 0;
  await credentialCommand().parseAsync(check, { from: 'user' });
  expect(process.exitCode).toBe(0);
  expect(existsSync(ran)).toBe(true);
});
