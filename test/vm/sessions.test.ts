import { readFileSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SessionState } from '../../src/model/session.ts';
import { CliRig, PROGRAM, collect, type CliResult } from '../support/cli.ts';

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig();
});
afterAll(() => rig.remove());

const stateOf = (directory: string): SessionState =>
  JSON.parse(readFileSync(join(directory, 'session.json'), 'utf8')) as SessionState;

/** Starts a session that says `ready` and waits. */
async function startWaiting(
  args: readonly string[] = [],
): Promise<{ child: ChildProcess; result: Promise<CliResult>; id: string; state: SessionState }> {
  const child = rig.start(['run', ...args, '--', 'sh', '-c', 'echo ready; sleep 1000']);
  const result = collect(child);
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const directory = rig.sessions().at(-1) ?? '';
  const state = stateOf(directory);
  return { child, result, id: state.id, state };
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
}

/** Processes whose command line names the session's machine. */
function descendantsOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const children = text
    .split(' ')
    .filter((word) => word !== '')
    .map(Number);
  return children.flatMap((child) => [child, ...descendantsOf(child)]);
}

async function eventually(condition: () => boolean): Promise<boolean> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    if (condition()) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return false;
}

describe('a live session', () => {
  it('is listed, runs further commands, and ends when it is stopped', async () => {
    const { result, id, state } = await startWaiting();
    const listed = JSON.parse((await rig.cli(['ps', '--json'])).stdout) as SessionState[];
    expect(listed.map((session) => session.id)).toContain(id);
    expect((await rig.cli(['ps'])).stdout).toContain(id);

    const exec = await rig.cli(['exec', id, '--', 'sh', '-c', 'cat; echo e >&2; exit 5'], {
      input: 'in',
    });
    expect(exec).toMatchObject({ code: 5, stdout: 'in' });
    expect(exec.stderr).toContain('e\n');
    expect((await rig.cli(['exec', id, '--', 'no-such-command'])).code).toBe(127);
    expect((await rig.cli(['exec', id, '--', 'sh', '-c', 'kill -15 $$'])).code).toBe(143);

    expect((await rig.cli(['stop', id])).code).toBe(0);
    const { code } = await result;
    expect(code).toBe(143);
    expect(existsSync(state.runtimeDirectory)).toBe(false);
    expect((await rig.cli(['exec', id, '--', 'true'])).code).toBe(125);
    expect((await rig.cli(['log', 'verify', id])).code).toBe(0);
  });

  it('leaves no process after kill -9 of its host process, and the next run removes its sockets', async () => {
    const { child, result, id, state } = await startWaiting();
    const below = descendantsOf(state.pid);
    expect(below.length).toBeGreaterThan(0);
    child.kill('SIGKILL');
    await result;
    expect(await eventually(() => below.every((pid) => !isRunning(pid)))).toBe(true);
    expect(existsSync(state.runtimeDirectory)).toBe(true);

    await rig.run(['true']);
    expect(existsSync(state.runtimeDirectory)).toBe(false);
    expect(stateOf(join(rig.logs, id)).status).toBe('failed');
    const verified = await rig.cli(['log', 'verify', id]);
    expect(verified.stdout).toContain('incomplete');
    expect(verified.code).toBe(1);
  });

  it('ends within seconds when its machine is lost, with the reason', async () => {
    const { result, state } = await startWaiting();
    for (const pid of descendantsOf(state.pid)) process.kill(pid, 'SIGKILL');
    const { code, stderr } = await result;
    expect(code).toBe(125);
    expect(stderr).toMatch(/machine-lost|guest-fault/);
  });

  it('keeps two sessions apart: each its own log, nothing of one in the other', async () => {
    const first = await startWaiting();
    const second = await startWaiting();
    await rig.cli(['exec', first.id, '--', 'sh', '-c', 'echo secret > /tmp/mine; mkdir /tmp/d']);
    const seen = await rig.cli([
      'exec',
      second.id,
      '--',
      'sh',
      '-c',
      'ls /tmp; ps ax 2>/dev/null | grep -c "[s]leep 1000"',
    ]);
    expect(seen.stdout).not.toContain('mine');
    await rig.cli(['stop', first.id]);
    expect((await rig.cli(['exec', second.id, '--', 'true'])).code).toBe(0);
    await rig.cli(['stop', second.id]);
    await Promise.all([first.result, second.result]);
  });
});

describe('run inside a session', () => {
  it(
    'starts a session of its own within the policy of its parent',
    { timeout: 300_000 },
    async () => {
      rig.write('narrow.yml', 'version: 1\nfilesystem: {allow: [{path: ., access: read}]}\n');
      rig.write(
        'wide.yml',
        'version: 1\nnetwork: {allow: [{host: wide.test}]}\nfilesystem: {allow: [{path: ., access: write}, {path: /srv, access: write}]}\n',
      );
      rig.write('locked/file', 'kept');
      const nested = (policy: string, script: string): string =>
        `node ${PROGRAM} run --policy ${policy} -- sh -c '${script}'`;
      const script = [
        'echo parent $AGENT_SANDBOX_SESSION',
        nested(
          'narrow.yml',
          'echo child $AGENT_SANDBOX_SESSION; echo x > narrow-wrote; cat narrow.yml | head -1',
        ),
        nested(
          'wide.yml',
          'echo pwn > locked/file; getent hosts wide.test; echo y > wide-wrote; exit 4',
        ),
        'echo code $?',
      ].join('\n');
      const policy = `version: 1
filesystem:
  allow: [{path: ., access: write}]
  deny: [{path: locked/**, access: write}]
`;
      const result = await rig.run(['sh', '-c', script], { policy });
      const parent = /parent (\S+)/.exec(result.stdout)?.[1] ?? '';
      const child = /child (\S+)/.exec(result.stdout)?.[1] ?? '';
      expect(child).not.toBe(parent);
      expect(stateOf(join(rig.logs, child)).parent).toBe(parent);
      expect(result.stdout).toContain('version: 1');
      expect(result.stdout).toContain('code 4');
      expect(existsSync(join(rig.workspace, 'narrow-wrote'))).toBe(false);
      expect(rig.read('locked/file')).toBe('kept');
      expect(rig.read('wide-wrote')).toBe('y\n');
      const last = rig.records();
      expect(last.every((record) => record['parent'] === parent)).toBe(true);
      expect(last).toContainEqual(
        expect.objectContaining({ request: 'resolve wide.test', effect: 'deny' }),
      );
    },
  );

  it('counts what its children are denied as its own', { timeout: 300_000 }, async () => {
    const policy = `version: 1
filesystem: {allow: [{path: ., access: write}]}
limits: {denials: 3}
`;
    const child = (name: string): string =>
      `node ${PROGRAM} run -- sh -c 'cat /etc/shadow; sleep 1; echo ${name}' 2>/dev/null`;
    const script = `${['first', 'second', 'third'].map(child).join('; ')}; true`;
    const result = await rig.run(['sh', '-c', script], { policy, args: ['--fail-on-denial'] });
    expect(result.stdout).toBe('first\nsecond\n');
    expect(result.code).toBe(3);
  });

  it(
    'refuses an invalid policy, an option the host would not hear, and endless nesting',
    { timeout: 300_000 },
    async () => {
      rig.write('bad.yml', 'version: 1\nnetwrok: {}\n');
      const run = `node ${PROGRAM} run`;
      const script = [
        `${run} --policy bad.yml -- true; echo bad $?`,
        `${run} --timeout 1h -- true; echo option $?`,
        `${run} -- sh -c '${run} -- sh -c "${run} -- true; echo deep \\$?"'`,
      ].join('\n');
      const result = await rig.run(['sh', '-c', script]);
      expect(result.stdout).toContain('bad 125');
      expect(result.stdout).toContain('option 125');
      expect(result.stdout).toContain('deep 125');
    },
  );
});
