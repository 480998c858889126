import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { policyCommand } from '../../src/cli/policy.ts';
import { SandboxError } from '../../src/model/error.ts';

const templates = resolve(import.meta.dirname, '../../policy-templates');
const start = process.cwd();
let workspace: string;

beforeEach(() => {
  workspace = realpathSync(mkdtempSync(join(tmpdir(), 'policy-cli-')));
  process.chdir(workspace);
});
afterEach(() => {
  process.chdir(start);
  process.exitCode = undefined;
  vi.restoreAllMocks();
  rmSync(workspace, { recursive: true, force: true });
});

/** Runs a command as the program would, and gathers what it prints. */
async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const printed = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      printed[stream] += String(chunk);
      return true;
    });
  process.exitCode = undefined;
  try {
    await policyCommand().exitOverride().parseAsync(argv, { from: 'user' });
  } finally {
    vi.restoreAllMocks();
  }
  return { code: Number(process.exitCode ?? 0), ...printed };
}

function write(name: string, text: string): string {
  mkdirSync(join(workspace, name, '..'), { recursive: true });
  writeFileSync(join(workspace, name), text);
  return name;
}

describe('policy check', () => {
  test('is content without any file', async () => {
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: 'no policy file: the builtin layer alone is in force\n',
    });
  });

  test("finds the workspace's file, and says what is good", async () => {
    write('.github/agent-sandbox.yml', 'version: 1\n');
    expect(await run('check')).toMatchObject({
      code: 0,
      stdout: 'good  .github/agent-sandbox.yml\n',
      stderr: '',
    });
  });

  test('shows every fault with place and caret, and exits 1', async () => {
    write('p.yml', 'version: 1\nnetwrok: {}\nmode: audti\n');
    const { code, stderr } = await run('check', 'p.yml');
    expect(code).toBe(1);
    expect(stderr).toBe(
      [
        'p.yml:2:1: error: unknown key "netwrok" [unknown-key]',
        '  2 | netwrok: {}',
        '    | ^^^^^^^',
        '  help: did you mean `network`?',
        'p.yml:3:7: error: `mode` is one of enforce, audit, not "audti" [value]',
        '  3 | mode: audti',
        '    |       ^^^^^',
        '  help: did you mean `audit`?',
        '2 errors',
        '',
      ].join('\n'),
    );
  });

  test('a rule that exceeds a ceiling is an error', async () => {
    write('org.yml', 'version: 1\nmax: {network: {allow: [{host: "**.acme.dev"}]}}\n');
    write('p.yml', 'version: 1\nnetwork:\n  allow: [{host: evil.test}]\n');
    const { code, stderr } = await run('check', 'p.yml', '--org-policy', 'org.yml');
    expect(code).toBe(1);
    expect(stderr).toContain(
      'p.yml:3:11: error: repo/network.allow[0] exceeds what the org layer allows, whose ceiling is org.yml:2 [exceeds-ceiling]',
    );
  });

  test('a file that is not there is an error of another kind', async () => {
    expect((await run('check', 'none.yml')).code).toBe(2);
    expect(JSON.parse((await run('check', 'none.yml', '--json')).stdout)).toMatchObject({
      good: false,
      diagnostics: [{ code: 'policy-absent' }],
    });
  });
});

describe('policy explain', () => {
  beforeEach(
    () =>
      void write(
        '.github/agent-sandbox.yml',
        'version: 1\nnetwork:\n  allow:\n    - {host: a.dev}\n',
      ),
  );

  test('exits 0 for allow, 1 for deny, 2 for what it cannot answer', async () => {
    expect((await run('explain', 'connect a.dev:443')).code).toBe(0);
    expect((await run('explain', 'connect b.dev:443')).code).toBe(1);
    expect((await run('explain', 'connect b.dev')).code).toBe(2);
    expect((await run('explain', 'connect a.dev:443', 'none.yml')).code).toBe(2);
    write('bad.yml', 'version: 9\n');
    expect((await run('explain', 'connect a.dev:443', 'bad.yml')).code).toBe(2);
  });

  test('says rule, place, what was considered, and the lines to copy', async () => {
    const { stdout } = await run('explain', 'connect b.dev:22');
    expect(stdout).toBe(
      [
        'deny  connect b.dev:22',
        'rule    builtin/default',
        'reason  no rule allows it',
        'considered',
        '  builtin says nothing',
        '  repo    .github/agent-sandbox.yml: says nothing',
        '',
        "add to .github/agent-sandbox.yml (the repository's policy):",
        'network:',
        '  allow:',
        '    - {host: b.dev, ports: [22]}',
        '',
      ].join('\n'),
    );
    expect((await run('explain', 'resolve a.dev')).stdout).toContain(
      'rule    repo/network.allow[0] at .github/agent-sandbox.yml:4\n',
    );
  });

  test('as JSON says the same', async () => {
    const { code, stdout } = await run('explain', 'connect b.dev:22', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      request: 'connect b.dev:22',
      decision: { effect: 'deny', rule: { id: 'builtin/default' } },
      considered: [{ layer: 'builtin' }, { layer: 'repo' }],
      mode: 'enforce',
    });
  });

  test('shows nothing of a request raw', async () => {
    const { stdout } = await run('explain', `read /a\u001b[2J\u202eb`);
    expect(stdout).toContain('read /a\\u{1b}[2J\\u{202e}b');
    expect(stdout).not.toMatch(/[\u001b\u202e]/);
  });

  test('takes a file from the other layers', async () => {
    write('org.yml', 'version: 1\nnetwork: {deny: [{host: a.dev, reason: closed}]}\n');
    expect((await run('explain', 'connect a.dev:443', '--org-policy', 'org.yml')).stdout).toContain(
      'reason  closed',
    );
  });
});

describe('policy test', () => {
  test('counts, and shows what was expected and found', async () => {
    write(
      'p.yml',
      'version: 1\ntests:\n  - {request: "connect a.dev:443", expect: allow}\n  - {request: "read src/a", expect: allow, rule: workspace}\n  - {request: "write .git/config", expect: private}\n',
    );
    const { code, stdout } = await run('test', 'p.yml');
    expect(code).toBe(1);
    expect(stdout).toBe(
      'failed  p.yml:3: connect a.dev:443\n        expected allow, found deny by builtin/default\n2 passed, 1 failed\n',
    );
  });

  test('an expected rule has to be the one that decides', async () => {
    write(
      'p.yml',
      'version: 1\nfilesystem: {deny: [{path: a}, {id: b, path: b}]}\ntests: [{request: read a, expect: deny, rule: "filesystem.deny[0]"}, {request: read b, expect: deny, rule: repo/b}, {request: read b, expect: deny, rule: "filesystem.deny[1]"}]\n',
    );
    expect(JSON.parse((await run('test', 'p.yml', '--json')).stdout)).toMatchObject({
      passed: 2,
      failed: 1,
      tests: [{ passed: true }, { passed: true }, { passed: false, found: 'deny by repo/b' }],
    });
  });

  test('an invalid file is not good, an absent one an error', async () => {
    write('p.yml', 'version: 1\nx: 1\n');
    expect((await run('test', 'p.yml')).code).toBe(1);
    expect((await run('test', 'none.yml')).code).toBe(2);
  });
});

describe('policy effective and schema', () => {
  test('effective prints every layer, for people and for programs', async () => {
    write(
      'p.yml',
      'version: 1\nmode: audit\nlimits: {memory: 1GiB, timeout: 90s}\nnetwork: {allow: [{host: a.dev}, {host: c.dev, methods: [GET, HEAD]}], deny: [{host: b.dev}, {host: c.dev, paths: [/x]}]}\n',
    );
    const { code, stdout } = await run('effective', 'p.yml');
    expect(code).toBe(0);
    for (const text of [
      'mode       audit',
      'memory 1GiB',
      'timeout 90s',
      'allow    connect a.dev, port 80, 443  p.yml:4',
      'deny     connect b.dev, every port  p.yml:4',
      'allow    request GET, HEAD any path on c.dev, port 80, 443  p.yml:4',
      'deny     request any method /x on c.dev, every port  p.yml:4',
    ])
      expect(stdout).toContain(text);
    expect(JSON.parse((await run('effective', 'p.yml', '--json')).stdout)).toMatchObject({
      version: 1,
      mode: 'audit',
      layers: [{ name: 'builtin' }, { name: 'repo' }],
    });
  });

  test('schema prints a schema that accepts the templates', async () => {
    const schema = JSON.parse((await run('schema')).stdout) as object;
    const { parse } = await import('yaml');
    const validate = new Ajv2020({ strict: true, strictTypes: false }).compile(schema);
    for (const name of readdirSync(templates))
      expect(validate(parse(readFileSync(join(templates, name), 'utf8'))), name).toBe(true);
  });
});

describe('policy init', () => {
  test('writes a policy that is good and whose tests pass, by what the workspace holds', async () => {
    write('package.json', '{}');
    expect((await run('init')).code).toBe(0);
    expect(readFileSync('.github/agent-sandbox.yml', 'utf8')).toContain('extends: [node-project]');
    expect((await run('check')).code).toBe(0);
    expect((await run('test')).stdout).toBe('2 passed, 0 failed\n');
  });

  test('writes over nothing unless it is told to', async () => {
    write('.github/agent-sandbox.yml', 'mine');
    await expect(run('init', 'codex')).rejects.toBeInstanceOf(SandboxError);
    expect(readFileSync('.github/agent-sandbox.yml', 'utf8')).toBe('mine');
    await run('init', 'codex', '--force');
    expect(readFileSync('.github/agent-sandbox.yml', 'utf8')).toContain('extends: [codex]');
  });

  test('knows only templates there are', async () => {
    await expect(run('init', 'nope')).rejects.toBeInstanceOf(SandboxError);
    expect(existsSync('.github')).toBe(false);
    expect((await run('init', '--list')).stdout).toMatch(
      /^claude-code +Claude Code in a repository/,
    );
  });
});

describe('the templates', () => {
  test.each(readdirSync(templates))('%s is good, and its own tests pass', async (name) => {
    const file = join(templates, name);
    expect(await run('check', file)).toMatchObject({ code: 0, stderr: '' });
    const { passed, failed } = JSON.parse((await run('test', file, '--json')).stdout) as {
      passed: number;
      failed: number;
    };
    expect(failed).toBe(0);
    expect(passed).toBeGreaterThan(5);
  });

  test('are all there', () => {
    expect(readdirSync(templates).sort()).toEqual([
      'claude-code.yml',
      'codex.yml',
      'locked-down.yml',
      'node-project.yml',
      'python-project.yml',
      'review-only.yml',
    ]);
  });
});
