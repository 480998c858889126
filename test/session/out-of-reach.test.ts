import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';

import { createMinter } from '../../src/session/minter.ts';
import { assertOutOfReach, pathOutOfReach } from '../../src/session/out-of-reach.ts';
import { NO_PROXIES } from '../../src/enforce/egress/upstream-proxy/setting.ts';

let root: string;
let workspace: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'reach-')));
  workspace = join(root, 'ws');
  mkdirSync(join(workspace, 'node_modules', '.bin'), { recursive: true });
  mkdirSync(join(root, 'bin'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const mayWrite = (path: string): boolean => path.startsWith(`${workspace}/`);

it('takes no program from a folder of PATH that the guest may write', () => {
  symlinkSync(join(workspace, 'node_modules', '.bin'), join(root, 'link'));
  const path = ['bin', '', join(root, 'bin'), join(root, 'link'), join(root, 'none'), workspace];
  expect(pathOutOfReach(path.join(':'), mayWrite)).toBe(join(root, 'bin'));
  expect(pathOutOfReach(workspace, mayWrite)).toBe('/usr/local/bin:/usr/bin:/bin');
  expect(pathOutOfReach(undefined, mayWrite)).toBe('/usr/local/bin:/usr/bin:/bin');
});

it('reads and runs nothing that the guest may write', () => {
  writeFileSync(join(root, 'own'), '');
  writeFileSync(join(workspace, 'theirs'), '');
  symlinkSync(join(workspace, 'theirs'), join(root, 'link'));
  const refused = [
    { path: join(workspace, 'none') },
    { path: `${root}/bin/../ws/theirs` },
    { path: join(root, 'link') },
    { path: '~/theirs' },
    { command: [join(workspace, 'theirs')] },
    { command: ['sh', join(workspace, 'theirs')] },
    { key: { file: join(workspace, 'theirs') } },
    { key: { command: [join(root, 'link')] } },
  ];
  for (const request of refused)
    expect(() => assertOutOfReach(request, workspace, mayWrite)).toThrow(
      expect.objectContaining({ code: 'CREDENTIAL_IN_REACH' }) as Error,
    );
  for (const request of [{ path: join(root, 'own') }, { command: ['gh', 'auth'] }, {}])
    expect(() => assertOutOfReach(request, workspace, mayWrite)).not.toThrow();
});

it('runs no program that the guest has put in front of the one that is meant', async () => {
  const trap = join(workspace, 'node_modules', '.bin', 'printf');
  writeFileSync(trap, `#!/bin/sh\ntouch ${join(root, 'ran')}\necho the-guest-was-here\n`, {
    mode: 0o755,
  });
  const minter = createMinter({
    environment: { PATH: `${join(workspace, 'node_modules', '.bin')}:/usr/bin:/bin` },
    home: root,
    mayWrite,
    actor: { login: 'u', assurance: 'device' },
    id: 'session',
    journalDirectory: join(root, 'journal'),
    proxies: NO_PROXIES,
    ca: [],
    onNotice: () => undefined,
  });
  const { material } = await minter.mint({
    id: 'a',
    provider: 'command',
    request: { command: ['printf', 'the-real-secret'] },
    expose: { env: [], git: [], metadata: false },
    bind: [],
    layer: 'repo',
    place: 'credentials[0]',
    file: 'f',
    line: 1,
    column: 1,
  });
  expect(material.kind === 'token' && material.token.reveal()).toBe('the-real-secret');
});
