// What the policy does not allow, asked for by real programs: refused as CONTRACT says, and on record.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShare, unavailable, type FileShare } from '../../support/file-share.ts';

const missing = unavailable();
let share: FileShare;

const POLICY = `
version: 1
filesystem:
  allow:
    - {path: ., access: write}
    - {path: BASE/data/open, access: read}
  deny:
    - {path: "**/.env*"}
    - {path: secrets}
    - {path: locked, access: write}
    - {path: tree/a/fixed, access: write}
execution:
  deny:
    - {path: forbidden-tool, reason: "not this one"}
`;

describe.each([
  { who: 'the agent', asRoot: false },
  { who: 'guest root', asRoot: true },
])('denied files, for $who', ({ asRoot }) => {
  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });
  beforeAll(async () => {
    if (missing !== undefined) return;
    share = await openShare({
      asRoot,
      policy: POLICY,
      prepare: (workspace, base) => {
        writeFileSync(join(workspace, 'plain'), 'plain\n');
        writeFileSync(join(workspace, '.env'), 'TOKEN=1\n');
        mkdirSync(join(workspace, 'secrets'));
        writeFileSync(join(workspace, 'secrets/k'), 'KEY\n');
        mkdirSync(join(workspace, 'locked'));
        writeFileSync(join(workspace, 'locked/f'), 'locked\n');
        mkdirSync(join(workspace, 'tree/a'), { recursive: true });
        writeFileSync(join(workspace, 'tree/a/fixed'), 'fixed\n');
        writeFileSync(join(workspace, 'forbidden-tool'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
        writeFileSync(join(workspace, 'good-tool'), '#!/bin/sh\necho ran\n', { mode: 0o755 });
        mkdirSync(join(base, 'data/open'), { recursive: true });
        mkdirSync(join(base, 'data/closed'));
        writeFileSync(join(base, 'data/open/f'), 'open\n');
        writeFileSync(join(base, 'data/closed/f'), 'closed\n');
        mkdirSync(join(base, 'home/.ssh'));
        writeFileSync(join(base, 'home/.ssh/id'), 'KEY\n');
        symlinkSync('../data/closed/f', join(workspace, 'way-out'));
      },
    });
  });
  afterAll(async () => {
    if (missing !== undefined) return;
    expect(share.faults).toEqual([]);
    await share.close();
  });

  it('shows the name of a file that a rule denies and refuses its content', async () => {
    const { code, stdout, stderr } = await share.run('ls -a; stat -c %s .env; cat .env');
    expect(code).toBe(1);
    expect(stdout).toContain('.env\n');
    expect(stdout).toContain('8\n');
    expect(stdout).not.toContain('TOKEN');
    expect(stderr).toContain('Permission denied');
    expect(share.denials()).toContain(`read ${share.workspace}/.env`);
    const record = share.decisions().find((event) => event.request.endsWith('/.env'));
    expect(record?.rule).toMatchObject({ id: 'repo/filesystem.deny[0]', line: 8 });
  });

  it('refuses to write what may not be read, by every way of writing', async () => {
    const { stdout } = await share.run(`
      for way in 'echo x >> .env' 'truncate -s 0 .env' 'rm -f .env' 'mv .env x' 'mv plain .env' 'ln .env x' \
        'chmod 600 .env' 'touch .env' 'ln -s plain .env.local' 'mkdir .env.d' 'mkfifo .env.p' 'cp plain .env.copy'; do
        eval "$way" 2>/dev/null && echo "succeeded: $way"
      done; ls -A . | grep -c env`);
    expect(stdout).toBe('1\n');
    expect(readFileSync(join(share.workspace, '.env'), 'utf8')).toBe('TOKEN=1\n');
    for (const name of ['.env', '.env.local', '.env.d', '.env.p', '.env.copy'])
      expect(share.denials()).toContain(`write ${share.workspace}/${name}`);
  });

  it('keeps a denied directory shut: not listed, not entered into, not moved', async () => {
    const { stdout } = await share.run(`
      ls secrets 2>/dev/null; cat secrets/k 2>/dev/null; mv secrets s2 2>/dev/null && cat s2/k
      mv tree t2 2>/dev/null && echo moved; mv tree/a b 2>/dev/null && echo moved; rm -rf tree 2>/dev/null
      cat tree/a/fixed`);
    expect(stdout).toBe('fixed\n');
    expect(existsSync(join(share.workspace, 'secrets/k'))).toBe(true);
    expect(share.denials()).toContain(`write ${share.workspace}/tree/a/fixed`);
  });

  it('lets a write-protected directory be read, and nothing in it be changed', async () => {
    const { stdout } = await share.run(`
      cat locked/f; echo x > locked/f; echo x > locked/new; rm locked/f; mkdir locked/d; rmdir locked; mv locked l2
      mv plain locked/plain; ln plain locked/plain; ls locked`);
    expect(stdout).toBe('locked\nf\n');
    expect(readFileSync(join(share.workspace, 'locked/f'), 'utf8')).toBe('locked\n');
  });

  it('hides what no rule allows and records who asked for it by name', async () => {
    const { stdout } = await share.run(`
      ls -A "$MOUNT${share.base}"; ls "$MOUNT${share.base}/data"; cat "$MOUNT${share.base}/data/open/f"
      cat "$MOUNT${share.base}/data/closed/f" 2>&1 | grep -o 'No such file.*'
      ls -d "$MOUNT${share.home}/.ssh" 2>&1 | grep -o 'No such file.*'
      ls "$MOUNT${share.base}/nothing-here" 2>&1 | grep -o 'No such file.*'`);
    expect(stdout).toContain('data\n');
    expect(stdout).not.toContain('home\n');
    expect(stdout).not.toContain('session\n');
    expect(stdout).toMatch(/\nopen\nopen\nNo such file or directory\n/);
    expect(share.denials()).toContain(`read ${share.base}/data/closed`);
    expect(share.denials()).not.toContain(`read ${share.base}/nothing-here`);
  });

  it('follows no link of the workspace out of what is allowed', async () => {
    const { stdout } = await share.run(`
      cd "$MOUNT$PWD"; readlink way-out; cat way-out
      ln -s ../data/closed l && ls l/; ln -s ../../../etc/shadow s && cat s
      ln "$MOUNT/etc/hostname" "$MOUNT${share.workspace}/hard"; rm l s; true`);
    expect(stdout).toBe('../data/closed/f\n');
    expect(existsSync(join(share.workspace, 'hard'))).toBe(false);
  });

  it('shows what a system directory holds and lets nobody write there', async () => {
    const { stdout } = await share.run(`
      [ "$(cat "$MOUNT/etc/passwd" | wc -l)" -gt 3 ] && echo read
      echo x > "$MOUNT/usr/bin/x"; echo x >> "$MOUNT/etc/passwd"; rm -f "$MOUNT/bin/true"; cat "$MOUNT/etc/shadow"`);
    expect(stdout).toBe('read\n');
    // The agent is stopped by the mode bits already, in the guest.
    if (asRoot) expect(share.denials()).toContain('write /usr/bin/x');
    expect(share.denials()).toContain('read /etc/shadow');
  });

  it('takes the execute bits from a denied program, for root too, and records it', async () => {
    const { stdout } = await share.run(`
      ./good-tool; ./forbidden-tool; stat -c %a forbidden-tool; cp forbidden-tool copy; ./copy; rm copy`);
    expect(stdout).toBe('ran\n644\n');
    expect(statSync(join(share.workspace, 'forbidden-tool')).mode & 0o777).toBe(0o755);
    const record = share.decisions().find((event) => event.surface === 'execution');
    expect(record).toMatchObject({
      request: `exec ${share.workspace}/forbidden-tool`,
      effect: 'deny',
      reason: 'not this one',
    });
  });

  it('shows git settings without the tokens in them', async () => {
    mkdirSync(join(share.workspace, 'repo/.git'), { recursive: true });
    const settings =
      '[core]\n\tbare = false\n[http "https://github.test/"]\n\textraheader = AUTHORIZATION: basic c2VjcmV0\n';
    writeFileSync(join(share.workspace, 'repo/.git/config'), settings);
    const { stdout } = await share.run(
      'ls -l repo/.git; cat repo/.git/config; dd if=repo/.git/config bs=1 2>/dev/null',
    );
    expect(stdout).toContain('bare = false');
    expect(stdout).not.toContain('c2Vj');
    expect(stdout).toMatch(/ 51 .* config\n/);
    expect(readFileSync(join(share.workspace, 'repo/.git/config'), 'utf8')).toBe(settings);
  });

  it('keeps git hooks and config to the session and pins the directory that holds them', async () => {
    execFileSync('git', ['init', '-q', share.workspace]);
    execFileSync('chown', ['-R', '4711:4711', join(share.workspace, '.git')]);
    const config = readFileSync(join(share.workspace, '.git/config'), 'utf8');
    const { stdout } = await share.run(`
      git config --global --add safe.directory '*'
      git config core.fsmonitor evil && git config core.fsmonitor
      echo evil > .git/hooks/pre-commit && chmod +x .git/hooks/pre-commit && ls .git/hooks | grep -c .
      mv .git g2 2>/dev/null && echo moved; sync .git; rm -rf .git/hooks; ls .git/hooks 2>/dev/null; [ -d .git/objects ] && echo there`);
    expect(stdout).toMatch(/^evil\n\d+\nthere\n$/);
    expect(readFileSync(join(share.workspace, '.git/config'), 'utf8')).toBe(config);
    expect(existsSync(join(share.workspace, '.git/hooks/pre-commit'))).toBe(false);
    expect(existsSync(join(share.workspace, '.git/hooks'))).toBe(true);
    const index = JSON.parse(
      readFileSync(join(share.sessionDirectory, 'private/index.json'), 'utf8'),
    ) as {
      entries: { path: string; kind: string }[];
    };
    expect(index.entries).toContainEqual(
      expect.objectContaining({ path: `${share.workspace}/.git/config`, kind: 'file' }),
    );
  });
});
