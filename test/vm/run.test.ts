import { randomBytes } from 'node:crypto';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RUNTIME_PREFIX } from '../../src/session/directory.ts';
import { CliRig, collect } from '../support/cli.ts';

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig();
});
afterAll(() => rig.remove());

const sockets = (folder = tmpdir()): string[] =>
  readdirSync(folder).filter((name) => name.startsWith(RUNTIME_PREFIX));

describe('run', () => {
  it('passes stdin, stdout, stderr and the exit code through', async () => {
    const result = await rig.run(['sh', '-c', 'cat; echo err >&2; exit 7'], { input: 'hello' });
    expect(result.stdout).toBe('hello');
    expect(result.stderr).toContain('err\n');
    expect(result.code).toBe(7);
  });

  it('passes many bytes through unharmed', async () => {
    const input = randomBytes(8 * 1024 * 1024);
    const result = await rig.run(['sh', '-c', 'tee copy | sha256sum'], { input });
    const digest = createHash('sha256').update(input).digest('hex');
    expect(result.stdout.split(' ')[0]).toBe(digest);
    expect(
      createHash('sha256')
        .update(readFileSync(join(rig.workspace, 'copy')))
        .digest('hex'),
    ).toBe(digest);
  });

  it('works in the workspace at its own path, as an unprivileged user, with the host user owning what it writes', async () => {
    const result = await rig.run([
      'sh',
      '-c',
      'mkdir -p out && printf hi > out/f && chmod 755 out/f && ln -sf f out/l; pwd; id -u',
    ]);
    expect(result.stdout.split('\n')[0]).toBe(rig.workspace);
    expect(result.stdout.split('\n')[1]).not.toBe('0');
    const file = statSync(join(rig.workspace, 'out/f'));
    expect(file.mode & 0o7777).toBe(0o755);
    expect(file.uid).toBe(statSync(rig.workspace).uid);
    expect(rig.read('out/l')).toBe('hi');
  });

  it('gives the guest none of the host variables but the few it needs, and those that were named', async () => {
    const args = ['--env', 'GIVEN=1', '--env', 'TAKEN'];
    const child = rig.start(['run', ...args, '--', 'env'], { SECRET: 'RSEC', TAKEN: '2' });
    child.stdin?.end();
    const { stdout } = await collect(child);
    const names = stdout.split('\n').map((line) => line.split('=')[0]);
    expect(stdout).not.toContain('RSEC');
    expect(stdout).toContain('GIVEN=1\n');
    expect(stdout).toContain('TAKEN=2\n');
    expect(names).toContain('AGENT_SANDBOX_SESSION');
  });

  it('ends with 127 for a command that is not there and 126 for one that cannot be run', async () => {
    rig.write('plain.txt', 'x');
    expect((await rig.run(['no-such-command'])).code).toBe(127);
    expect((await rig.run(['./plain.txt'])).code).toBe(126);
  });

  it('ends with 128 + N when signal N ended the command', async () => {
    expect((await rig.run(['sh', '-c', 'kill -9 $$'])).code).toBe(137);
  });

  it('ends with 124 at the time limit, leaving an alert in the log', async () => {
    const result = await rig.run(['sleep', '600'], { args: ['--timeout', '3s'] });
    expect(result.code).toBe(124);
    expect(rig.records().find((record) => record.type === 'alert')).toMatchObject({
      alert: 'run.timeout',
    });
    expect(rig.records().at(-1)).toMatchObject({ type: 'session.end', reason: 'timeout' });
  });

  it('hands a signal on to the command', async () => {
    const child = rig.start([
      'run',
      '--',
      'sh',
      '-c',
      'trap "echo got; exit 9" TERM; echo ready; while :; do sleep 0.1; done',
    ]);
    child.stdout?.once('data', () => child.kill('SIGTERM'));
    const { code, stdout } = await collect(child);
    expect(stdout).toBe('ready\ngot\n');
    expect(code).toBe(9);
  });

  it('ends a command that no longer reads its input, and one whose output nobody reads', async () => {
    expect((await rig.run(['true'], { input: randomBytes(4 * 1024 * 1024) })).code).toBe(0);
  });

  it('ends a command whose reader goes away as a broken pipe would, with a whole log', async () => {
    const child = rig.start(['run', '--', 'yes']);
    child.stdout?.once('data', () => child.stdout?.destroy());
    const { code } = await collect(child);
    expect(code).toBe(141);
    expect((await rig.cli(['log', 'verify', rig.sessions().at(-1) ?? ''])).code).toBe(0);
  });

  it('leaves no sockets behind, and a log that verifies', async () => {
    // A folder of its own: sessions of other tests come and go in the usual one.
    const folder = mkdtempSync(join(tmpdir(), 'run-test-'));
    await rig.cli(['run', '--', 'true'], { env: { TMPDIR: folder } });
    const state = readFileSync(join(rig.sessions().at(-1) ?? '', 'session.json'), 'utf8');
    expect(state).toContain(join(folder, RUNTIME_PREFIX));
    expect(sockets(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
    const { code, stdout } = await rig.cli(['log', 'verify', rig.sessions().at(-1) ?? '']);
    expect(stdout).toContain('ok');
    expect(code).toBe(0);
  });

  it('keeps its sockets from a guest that may write where they are', async () => {
    const policy = `version: 1
filesystem: {allow: [{path: ., access: write}, {path: ${tmpdir()}, access: write}]}
`;
    const mine = `ls ${tmpdir()} | grep -c '^${RUNTIME_PREFIX}'; cd ${tmpdir()} && mkdir ${RUNTIME_PREFIX}x`;
    const result = await rig.run(['sh', '-c', `${mine}; pwd`], { policy });
    expect(result.stdout).toBe(`0\n${tmpdir()}\n`);
    expect(result.stderr).toContain('Permission denied');
    expect(sockets()).not.toContain(`${RUNTIME_PREFIX}x`);
  });
});

describe('a policy given to run', () => {
  it('refuses to start when it is invalid, with every fault, place and caret', async () => {
    const sessions = rig.sessions().length;
    const result = await rig.run(['true'], {
      policy: 'version: 1\nnetwrok: {}\nfilesystem: {allow: [{path: ., access: wriite}]}\n',
    });
    expect(result.code).toBe(125);
    expect(result.stderr).toMatch(/policy\.yml:2:1/);
    expect(result.stderr).toMatch(/policy\.yml:3:/);
    expect(result.stderr).toContain('^');
    expect(rig.sessions()).toHaveLength(sessions);
  });

  it('denies reading and writing by path, with rule, file and line in the log and in the summary', async () => {
    rig.write('.env', 'RSEC_env');
    rig.write('locked/a', 'a');
    const policy = `version: 1
filesystem:
  allow:
    - {path: ., access: write}
  deny:
    - {path: "**/.env*"}
    - {path: locked/**, access: write}
`;
    const result = await rig.run(
      ['sh', '-c', 'cat .env; echo x > locked/a; cat locked/a; echo y > free'],
      { policy },
    );
    expect(result.stdout).toBe('a');
    expect(rig.read('locked/a')).toBe('a');
    expect(rig.read('free')).toBe('y\n');
    const denied = rig.denials();
    expect(denied).toContainEqual(
      expect.objectContaining({
        request: `read ${rig.workspace}/.env`,
        rule: expect.objectContaining({ line: 6 }) as unknown,
      }),
    );
    expect(denied).toContainEqual(
      expect.objectContaining({
        request: `write ${rig.workspace}/locked/a`,
        rule: expect.objectContaining({ line: 7 }) as unknown,
      }),
    );
    expect(result.stderr).toContain('policy.yml:6');
  });

  it('exits with 3 when something was denied and --fail-on-denial was given', async () => {
    const policy = 'version: 1\nfilesystem: {allow: [{path: ., access: read}]}\n';
    const command = ['sh', '-c', 'echo x > denied-file; true'];
    expect((await rig.run(command, { policy, args: ['--fail-on-denial'] })).code).toBe(3);
    expect((await rig.run(command, { policy })).code).toBe(0);
    expect(existsSync(join(rig.workspace, 'denied-file'))).toBe(false);
    expect((await rig.run(['true'], { policy, args: ['--fail-on-denial'] })).code).toBe(0);
  });

  it('denies a command by name with 126, and withholds its execute bit inside', async () => {
    const policy = 'version: 1\nexecution: {deny: [{path: head, reason: "no heads"}]}\n';
    const direct = await rig.run(['head', '-1', '/etc/hostname'], { policy });
    expect(direct.code).toBe(126);
    expect(direct.stderr).toContain('no heads');
    const inside = await rig.run(['sh', '-c', '/usr/bin/head -1 /etc/passwd; echo $?'], { policy });
    expect(inside.stdout).toBe('126\n');
    expect(rig.denials()).toContainEqual(expect.objectContaining({ surface: 'execution' }));
  });

  it('stops a session that keeps trying', async () => {
    const policy =
      'version: 1\nfilesystem: {allow: [{path: ., access: read}]}\nlimits: {denials: 20}\n';
    const result = await rig.run(['sh', '-c', 'i=0; while :; do i=$((i+1)); echo x > f$i; done'], {
      policy,
    });
    expect(result.code).toBe(125);
    expect(result.stderr).toContain('denials');
  });

  it('does not follow a link out of what is allowed', async () => {
    writeFileSync(join(rig.root, 'outside'), 'RSEC_outside');
    symlinkSync('../outside', join(rig.workspace, 'link'));
    const result = await rig.run(['sh', '-c', 'cat link; echo pwn > link']);
    expect(result.stdout).not.toContain('RSEC');
    expect(readFileSync(join(rig.root, 'outside'), 'utf8')).toBe('RSEC_outside');
  });
});
