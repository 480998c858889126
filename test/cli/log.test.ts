import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { logDirectory } from '../../src/cli/directories.ts';
import { ownMark } from '../../src/engine/process.ts';
import { openLog } from '../../src/log/writer.ts';
import { CONTEXT, removeDirectory, temporaryDirectory, toDecision } from '../log/session-log.ts';

let directory: string;
let program: string;
let logDir: string;

beforeAll(async () => {
  directory = temporaryDirectory();
  logDir = join(directory, 'sessions');
  program = join(directory, 'log.mjs');
  const contents =
    "import { logCommand } from './src/cli/log.ts'; await logCommand().parseAsync();";
  await build({
    stdin: { contents, resolveDir: join(import.meta.dirname, '../..'), loader: 'ts' },
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  writeSession('20261121-101112-aaaaaa');
  writeSession('20261121-111112-bbbbbb');
});
afterAll(() => {
  removeDirectory(directory);
});

function writeSession(id: string): string {
  const session = join(logDir, id);
  mkdirSync(session, { recursive: true });
  const file = join(session, 'decisions.jsonl');
  const log = openLog({ file, context: { ...CONTEXT, session: id } });
  log.append({ type: 'session.start', command: 'claude' });
  log.append(toDecision());
  log.append(toDecision({ effect: 'allow', surface: 'filesystem', request: 'read /w/a' }));
  log.append(
    toDecision({ enforced: false, mode: 'audit', request: 'connect other.example.com:22' }),
  );
  log.end({ type: 'session.end', reason: 'finished' });
  return file;
}

interface Result {
  code: number | null;
  out: string;
  err: string;
}

async function run(...argv: string[]): Promise<Result> {
  const child = spawn(process.execPath, [program, ...argv], {
    cwd: directory,
    env: { PATH: process.env['PATH'], AGENT_SANDBOX_LOG_DIR: logDir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, out, err };
}

describe('log show', () => {
  it('prints one line for each record of the newest session', async () => {
    const { code, out } = await run('show');
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('session.start  command=claude');
    expect(lines[1]).toMatch(
      /deny {3}network {5}connect evil\.example\.com:443 {2}\[repo\/network\.deny\[0\] \.github\/agent-sandbox\.yml:12: paste sites/,
    );
    expect(lines[2]).toMatch(/allow {2}filesystem {2}read \/w\/a/);
    expect(lines[3]).toContain('audit');
    expect(lines[4]).toContain('session.end');
  });

  it('takes a session id, the start of one, a directory and a file', async () => {
    const id = '20261121-101112-aaaaaa';
    const whole = await run('show', id);
    expect(whole.out).toContain('evil.example.com');
    for (const target of [
      '20261121-10',
      join(logDir, id),
      join('sessions', id, 'decisions.jsonl'),
    ]) {
      expect(await run('show', target)).toEqual(whole);
    }
  });

  it.each([
    [['--effect', 'deny'], 2],
    [['--surface', 'filesystem'], 1],
    [['--surface', 'filesystem', 'network'], 3],
    [['--type', 'session.start', 'session.end'], 2],
    [['--grep', 'other.example.com'], 1],
    [['--grep', 'nothing like it'], 0],
  ])('filters by %j', async (filter, count) => {
    const { out } = await run('show', ...filter);
    expect(out.split('\n').filter((line) => line !== '')).toHaveLength(count);
  });

  it('prints the lines of the log as they are with --json', async () => {
    const { out } = await run('show', '--json');
    expect(out).toBe(
      readFileSync(join(logDir, '20261121-111112-bbbbbb', 'decisions.jsonl'), 'utf8'),
    );
  });

  it('shows hostile text of a foreign log without its effect', async () => {
    const file = join(directory, 'foreign.jsonl');
    const [first] = readFileSync(
      join(logDir, '20261121-111112-bbbbbb', 'decisions.jsonl'),
      'utf8',
    ).split('\n');
    const record = {
      ...(JSON.parse(first ?? '') as object),
      command: '\u009b31m\u2028::error::x::',
      time: '\u0007',
    };
    writeFileSync(file, `${JSON.stringify(record)}\nrubbish\n`);
    for (const options of [[], ['--json']]) {
      const { out, err } = await run('show', file, ...options);
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u0080-\u009f\u2028]/);
      expect(err).toContain('line 2 is not a record');
      if (options.length > 0) expect(JSON.parse(out)).toEqual(record);
    }
  });
});

describe('log verify', () => {
  it('tells ok, tampered and incomplete apart, in words and in JSON', async () => {
    const good = join(logDir, '20261121-101112-aaaaaa', 'decisions.jsonl');
    const text = readFileSync(good, 'utf8');
    const tampered = join(directory, 'tampered.jsonl');
    writeFileSync(tampered, text.replace('evil', 'good'));
    const incomplete = join(directory, 'incomplete.jsonl');
    writeFileSync(incomplete, text.slice(0, -50));

    const ok = await run('verify', good);
    expect(ok).toMatchObject({ code: 0 });
    expect(ok.out).toMatch(/^ok: 5 records, chain intact\nhead sha256:[0-9a-f]{64}\n$/);
    expect(await run('verify', tampered)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^tampered: prev of line 3/) as string,
    });
    expect(await run('verify', incomplete)).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^incomplete: line 5 was cut short/) as string,
    });
    for (const [file, status] of [
      [good, 'ok'],
      [tampered, 'tampered'],
      [incomplete, 'incomplete'],
    ] as const) {
      const { out } = await run('verify', '--json', file);
      expect(JSON.parse(out)).toMatchObject({ file, status });
    }
  });

  it('exits with 2 when there is nothing to verify', async () => {
    const { code, out, err } = await run('verify', 'no-such-session');
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('no-such-session');
    expect(await run('verify', '--log-dir', join(directory, 'empty'))).toMatchObject({ code: 2 });
  });
});

describe('log tail', () => {
  it('prints what is written and ends with the session', async () => {
    const id = '20261121-121112-cccccc';
    const session = join(logDir, id);
    mkdirSync(session);
    const file = join(session, 'decisions.jsonl');
    const log = openLog({ file, context: { ...CONTEXT, session: id } });
    log.append({ type: 'session.start', command: 'claude' });
    const state = {
      version: 1,
      id,
      status: 'running',
      pid: process.pid,
      process: ownMark(),
      command: ['claude'],
      workspace: '/w',
      startedAt: '2026-11-21T12:11:12Z',
      runtimeDirectory: '/x',
    };
    writeFileSync(join(session, 'session.json'), JSON.stringify(state));

    const child = spawn(process.execPath, [program, 'tail', id], {
      env: { AGENT_SANDBOX_LOG_DIR: logDir },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      if (text.includes('session.start')) {
        log.append(toDecision());
      }
      if (text.includes('evil')) log.end({ type: 'session.end', reason: 'finished' });
    });
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    expect(out.trimEnd().split('\n')).toHaveLength(3);
    expect(out).toContain('reason=finished');
  });

  it('ends when the session has died', async () => {
    const file = join(directory, 'dead.jsonl');
    const log = openLog({ file, context: CONTEXT });
    log.append(toDecision());
    log.close();
    appendFileSync(file, '{"half":');
    const { code, out, err } = await run('tail', file);
    expect(code).toBe(1);
    expect(out).toContain('evil');
    expect(err).toContain('no session.end');
  });
});

describe('the directory of sessions', () => {
  it.each([
    [{ XDG_STATE_HOME: '/state', HOME: '/home/a' }, undefined, '/state/agent-sandbox/sessions'],
    [
      { XDG_STATE_HOME: 'relative', HOME: '/home/a' },
      undefined,
      '/home/a/.local/state/agent-sandbox/sessions',
    ],
    [{ HOME: '/home/a' }, undefined, '/home/a/.local/state/agent-sandbox/sessions'],
    [
      { HOME: '/home/a', GITHUB_ACTIONS: 'true', RUNNER_TEMP: '/r/_temp' },
      undefined,
      '/r/_temp/agent-sandbox/sessions',
    ],
    [
      { HOME: '/home/a', RUNNER_TEMP: '/r/_temp' },
      undefined,
      '/home/a/.local/state/agent-sandbox/sessions',
    ],
    [{ HOME: '/home/a', AGENT_SANDBOX_LOG_DIR: '/logs' }, undefined, '/logs'],
    [{ HOME: '/home/a', AGENT_SANDBOX_LOG_DIR: '/logs' }, '/chosen', '/chosen'],
  ])('is for %j with %s', (environment, chosen, expected) => {
    expect(logDirectory(environment, chosen)).toBe(expected);
  });
});
