import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readPolicyFile } from '../../src/source/file.ts';
import { type LoadedPolicy, type LoadOptions, loadEffectivePolicy } from '../../src/source/load.ts';
import { narrowPolicy } from '../../src/source/narrow.ts';
import { answer } from '../policy/support.ts';

const packageRoot = resolve(import.meta.dirname, '../..');
let root: string;
let workspace: string;
let home: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'Policy-')));
  workspace = join(root, 'runner/_work/app/app');
  home = join(root, 'home');
  mkdirSync(workspace, { recursive: true });
  mkdirSync(home);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): string {
  const file = resolve(workspace, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function load(options: Partial<LoadOptions> = {}): LoadedPolicy {
  return loadEffectivePolicy({
    workspace,
    home,
    environment: { PATH: '/usr/bin:/bin' },
    packageRoot,
    directory: workspace,
    ...options,
  });
}

/** Root reads every file, so it gives up being root for the time of a call. */
function asAnotherUser<T>(action: () => T): T {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65534);
  try {
    return action();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

const codes = (loaded: LoadedPolicy): string[] =>
  loaded.diagnostics.map(({ code, file }) => `${code} ${file}`);
const ask = (request: string, options: Partial<LoadOptions> = {}): string => {
  const { policy, diagnostics } = load(options);
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  return answer(policy, request);
};

describe('a named destination', () => {
  const environment = {
    PATH: '/usr/bin:/bin',
    npm_config_registry: 'https://registry.example.com:8443/npm',
  };

  test("is where this host's client goes, on the ports of its URL", () => {
    write(
      '.github/agent-sandbox.yml',
      'version: 1\nnetwork: {allow: [{id: packages, host: npm}]}\n',
    );
    expect(ask('connect registry.example.com:8443', { environment })).toBe(
      'allow by repo/packages',
    );
    expect(ask('connect registry.example.com:443', { environment })).toMatch(/^deny/);
    expect(ask('resolve registry.example.com', { environment })).toMatch(/^allow/);
  });

  test('keeps the ports that the rule states, and stands beside other hosts', () => {
    write(
      '.github/agent-sandbox.yml',
      'version: 1\nnetwork: {allow: [{host: [github, b.example.com], ports: [443]}]}\n',
    );
    expect(ask('connect github.com:443')).toMatch(/^allow/);
    expect(ask('connect b.example.com:443')).toMatch(/^allow/);
    expect(ask('connect github.com:22')).toMatch(/^deny/);
  });

  test('in a deny closes its hosts on every port', () => {
    write(
      '.github/agent-sandbox.yml',
      'version: 1\nnetwork: {allow: [{host: "**", ports: [22, 443, 9]}], deny: [{host: github}]}\n',
    );
    expect(ask('connect github.com:9')).toMatch(/^deny/);
    expect(ask('connect a.example.com:9')).toMatch(/^allow/);
  });

  test('never follows what the workspace says', () => {
    write('.npmrc', 'registry=https://evil.example.com/\n');
    write('.github/agent-sandbox.yml', 'version: 1\nnetwork: {allow: [{host: npm}]}\n');
    expect(ask('connect evil.example.com:443', { environment })).toMatch(/^deny/);
  });

  test('that is unknown, or leads nowhere, is an error at its place', () => {
    write('.github/agent-sandbox.yml', 'version: 1\nnetwork:\n  allow: [{host: [npmm, npm]}]\n');
    const { policy, diagnostics } = load({
      environment: { ...environment, npm_config_registry: 'http://localhost:4873' },
    });
    expect(policy).toBeUndefined();
    expect(diagnostics.map(({ code, span }) => `${code} ${span.line}:${span.column}`)).toEqual([
      'destination 3:19',
      'destination 3:25',
    ]);
  });
});

describe('the files of a policy', () => {
  test('none: the builtin layer alone', () => {
    const { policy, diagnostics } = load();
    expect(diagnostics).toEqual([]);
    expect(policy?.layers.map(({ name }) => name)).toEqual(['builtin']);
  });

  test("the workspace's own is found", () => {
    write('.github/agent-sandbox.yml', 'version: 1\nnetwork: {allow: [{host: a.dev}]}\n');
    expect(ask('connect a.dev:443')).toBe('allow by repo/network.allow[0]');
    expect(load().policy?.layers[1]).toMatchObject({
      name: 'repo',
      file: '.github/agent-sandbox.yml',
      digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) as string,
    });
  });

  test('layers by option come from the top, whatever their order', () => {
    for (const name of ['org', 'b', 'a', 'repo']) write(`${name}.yml`, 'version: 1\n');
    const { policy } = load({
      policy: 'repo.yml',
      orgPolicy: 'org.yml',
      teamPolicies: ['b.yml', 'a.yml'],
      workspaceAccess: 'read',
    });
    expect(policy?.layers.map(({ name, file }) => `${name} ${file}`)).toEqual([
      'builtin builtin',
      'org org.yml',
      'team a.yml',
      'team b.yml',
      'repo repo.yml',
      'run command line',
    ]);
    expect(
      load({
        policy: 'repo.yml',
        orgPolicy: 'org.yml',
        teamPolicies: ['a.yml', 'b.yml'],
        workspaceAccess: 'read',
      }).policy?.digest,
    ).toBe(policy?.digest);
  });

  test('absent, unreadable and invalid are three things, and each refuses the run', () => {
    write('invalid.yml', 'version: 2\n');
    write('latin.yml', '');
    writeFileSync(join(workspace, 'latin.yml'), Buffer.from('version: 1 # \xe9\n', 'latin1'));
    mkdirSync(join(workspace, 'directory.yml'));
    symlinkSync('nowhere', join(workspace, 'dangling.yml'));
    execFileSync('mkfifo', [join(workspace, 'pipe.yml')]);
    const cases = {
      'absent.yml': 'policy-absent',
      'directory.yml': 'policy-unreadable',
      'dangling.yml': 'policy-unreadable',
      'pipe.yml': 'policy-unreadable',
      'latin.yml': 'policy-unreadable',
      'invalid.yml': 'value',
    };
    for (const [file, code] of Object.entries(cases)) {
      const loaded = load({ policy: file });
      expect(codes(loaded)).toEqual([`${code} ${file}`]);
      expect(loaded.policy).toBeUndefined();
    }
  });

  test('one without permission to read is unreadable', () => {
    const file = write('closed.yml', 'version: 1\n');
    chmodSync(file, 0);
    expect(asAnotherUser(() => readPolicyFile(file))).toMatchObject({ status: 'unreadable' });
  });

  test('a link in place of the workspace policy does not lead out of the workspace', () => {
    write('../other.yml', 'version: 1\nnetwork: {allow: [{host: "**"}]}\n');
    mkdirSync(join(workspace, '.github'));
    symlinkSync('../../other.yml', join(workspace, '.github/agent-sandbox.yml'));
    expect(codes(load())).toEqual(['policy-unreadable .github/agent-sandbox.yml']);
    rmSync(join(workspace, '.github/agent-sandbox.yml'));
    symlinkSync('nowhere.yml', join(workspace, '.github/agent-sandbox.yml'));
    expect(codes(load())).toEqual(['policy-unreadable .github/agent-sandbox.yml']);
  });

  test('faults of all files are said together', () => {
    write('org.yml', 'version: 1\nmode: audti\n');
    write('repo.yml', 'version: 1\nnetwrok: {}\n');
    expect(
      codes(load({ orgPolicy: 'org.yml', policy: 'repo.yml', teamPolicies: ['team.yml'] })),
    ).toEqual(['value org.yml', 'policy-absent team.yml', 'unknown-key repo.yml']);
  });

  test('a workspace whose path reads as a pattern is refused', () => {
    const odd = join(root, 'a*b');
    mkdirSync(odd);
    expect(codes(load({ workspace: odd }))).toEqual([`place ${odd}`]);
  });
});

describe('extends', () => {
  test('brings in templates and files beside, each rule with its own place', () => {
    write('p/repo.yml', 'version: 1\nextends: [locked-down, ./more.yml]\nlimits: {processes: 9}\n');
    write(
      'p/more.yml',
      'version: 1\nnetwork:\n  allow: [{host: a.dev}]\nlimits: {processes: 7, cpus: 1}\n',
    );
    const { policy } = load({ policy: 'p/repo.yml' });
    if (policy === undefined) throw new Error('refused');
    expect(answer(policy, 'write .github/workflows/x')).toBe('deny by repo/workflows');
    expect(policy.layers[1]?.network.allow[0]).toMatchObject({ file: 'p/more.yml', line: 3 });
    expect(policy.layers[1]?.filesystem.allow[0]).toMatchObject({
      file: 'policy-templates/locked-down.yml',
    });
    expect(policy.limits).toMatchObject({ processes: 9, cpus: 1 });
  });

  test.each([
    ['a file above', '../x.yml'],
    ['an absolute path', '/etc/passwd'],
    ['a path through a directory and back', './a/../../x.yml'],
    ['a home', '~/x.yml'],
    ['no such template', 'no-such-template'],
    ['no such file', './none.yml'],
    ['a link that leads out', './out.yml'],
    ['itself', './repo.yml'],
    ['a file that extends it', './turn.yml'],
  ])('of %s is refused', (_, name) => {
    write('x.yml', 'version: 1\n');
    write('p/repo.yml', `version: 1\nextends: ["${name}"]\n`);
    write('p/turn.yml', 'version: 1\nextends: ./repo.yml\n');
    mkdirSync(join(workspace, 'p/a'));
    symlinkSync('../x.yml', join(workspace, 'p/out.yml'));
    const loaded = load({ policy: 'p/repo.yml' });
    expect(loaded.policy).toBeUndefined();
    expect(loaded.diagnostics).toMatchObject([{ code: 'extends' }]);
  });

  test('goes eight deep and no further', () => {
    for (let i = 0; i < 12; i++) write(`p/${i}.yml`, `version: 1\nextends: ./${i + 1}.yml\n`);
    write('p/12.yml', 'version: 1\n');
    expect(load({ policy: 'p/4.yml' }).policy).toBeDefined();
    expect(load({ policy: 'p/0.yml' }).diagnostics).toMatchObject([{ code: 'extends' }]);
  });

  test('of one file twice reads it once', () => {
    write('p/repo.yml', 'version: 1\nextends: [./a.yml, ./b.yml]\n');
    for (const name of ['a', 'b']) write(`p/${name}.yml`, 'version: 1\nextends: ./c.yml\n');
    write('p/c.yml', 'version: 1\nnetwork: {allow: [{host: a.dev}]}\n');
    expect(load({ policy: 'p/repo.yml' }).policy?.layers[1]?.network.allow).toHaveLength(1);
  });
});

describe('the builtin layer', () => {
  /** A policy that allows as much as a policy can. */
  const everything =
    'version: 1\nnetwork: {allow: [{host: "**"}, {cidr: 0.0.0.0/0}, {cidr: 10.0.0.0/8}]}\nfilesystem: {allow: [{path: /, access: write}]}\n';

  test.each([
    'read ~/.ssh/id_ed25519',
    'write ~/.ssh/authorized_keys',
    'read ~/.SSH/id',
    'read ~/.aws/credentials',
    'read ~/.config/gh/hosts.yml',
    'read ~/.config/gcloud/application_default_credentials.json',
    'read ~/.azure/msal_token_cache.json',
    'read ~/.kube/config',
    'read ~/.docker/config.json',
    'read ~/.netrc',
    'read ~/.npmrc',
    'read ~/.pypirc',
    'read ~/.git-credentials',
    'read ~/.cargo/credentials.toml',
    'read ~/.claude/.credentials.json',
    'read ~/.codex/auth.json',
    'read ~/.gemini/oauth_creds.json',
    'read ~/.gnupg/secring.gpg',
    'read ~/.config/op/config',
    'read ~/.terraform.d/credentials.tfrc.json',
    'read ~/.m2/settings.xml',
    'read ~/.gradle/gradle.properties',
    'read ~/.composer/auth.json',
    'read ~/.bash_history',
    'read ~/.mozilla/firefox/x/key4.db',
    'read ~/.config/google-chrome-beta/Default/Cookies',
    'read /root/.ssh/id_rsa',
    'read /etc/shadow',
    'read /etc/ssh/ssh_host_rsa_key',
    'read /etc/ssl/private/x.key',
    'write /run/docker.sock',
    'read /run/user/1000/podman/podman.sock',
    'read gha-creds-0123.json',
    'read ../../_temp/x',
    'read ../../_actions/a/b/action.yml',
    'read ../../../_diag/Runner.log',
    'read ../../../.credentials_rsaparams',
    'read ../../../.runner',
    'read /opt/actions-runner/.credentials',
    'write .github/agent-sandbox.yml',
    'write .GitHub/Agent-Sandbox.yml',
    'write all.yml',
    'connect 127.0.0.1:80',
    'connect [::1]:80',
    'connect 169.254.169.254:80',
    'connect [fd00:ec2::254]:80',
    'connect 168.63.129.16:80',
    'connect metadata.google.internal:80',
    'resolve localhost',
    'connect [::ffff:a9fe:a9fe]:80',
  ])('denies %s whatever a policy allows', (written) => {
    write('all.yml', everything);
    // Tests speak of places around the workspace; a request names where they are.
    const request = written.replace(
      / (\.\.\/\S+)/,
      (_, path: string) => ` ${join(workspace, path)}`,
    );
    expect(
      ask(request, {
        policy: 'all.yml',
        environment: { PATH: '/usr/bin', RUNNER_TEMP: join(root, 'runner/_work/_temp') },
      }),
    ).toMatch(/^deny by builtin\//);
  });

  test.each([
    '.git/hooks/pre-commit',
    '.git/config',
    '.git/config.worktree',
    '.git/commondir',
    'sub/.git',
    '.git/modules/a/b/config',
    '.git/modules/a/hooks/x',
    '.git/worktrees/w/gitdir',
    '.GIT/Config',
    '.git/rebase-merge/git-rebase-todo',
    '.hg/hgrc',
  ])('keeps writes to %s in the session', (path) => {
    write('all.yml', everything);
    expect(ask(`write ${path}`, { policy: 'all.yml' })).toBe(
      'private by builtin/repository-control',
    );
  });

  test.each([
    '.git/HEAD',
    '.git/index',
    '.git/refs/heads/x',
    '.git/objects/ab/cd',
    '.gitignore',
    '.github/workflows/x.yml',
    'git/config',
    '.env',
  ])('leaves %s writable', (path) => {
    expect(ask(`write ${path}`)).toBe('allow by builtin/workspace');
  });

  test('hides the directories of the program itself', () => {
    expect(
      ask(`read ${join(workspace, 'state/log')}`, { hidden: [join(workspace, 'state')] }),
    ).toBe('deny by builtin/sandbox');
  });

  test('hides what a link stands for where it really is, and where it would be', () => {
    write('dotfiles/ssh/id', '');
    write('real-state/log', '');
    symlinkSync(join(workspace, 'dotfiles/ssh'), join(home, '.ssh'));
    symlinkSync(join(workspace, 'dotfiles'), join(home, '.config'));
    symlinkSync('real-state', join(workspace, 'state'));
    const hidden = [join(workspace, 'state'), join(workspace, 'state/later')];
    expect(ask('read dotfiles/ssh/id')).toBe('deny by builtin/secrets');
    expect(ask('read dotfiles/gh/hosts.yml')).toBe('deny by builtin/secrets');
    expect(ask('read dotfiles/plain')).toMatch(/^allow/);
    expect(ask('write real-state/log', { hidden })).toBe('deny by builtin/sandbox');
    expect(ask('write real-state/later/x', { hidden: hidden.slice(1) })).toBe(
      'deny by builtin/sandbox',
    );
  });

  test('protects the file a linked policy really is, and all it extends', () => {
    write('real.yml', 'version: 1\nextends: ./more.yml\n');
    write('more.yml', 'version: 1\n');
    symlinkSync('real.yml', join(workspace, 'link.yml'));
    expect(ask('write real.yml', { policy: 'link.yml' })).toBe('deny by builtin/policy-file');
    expect(ask('write more.yml', { policy: 'link.yml' })).toBe('deny by builtin/policy-file');
  });
});

describe('toolchains', () => {
  const grants = (path: string, more: Record<string, string> = {}): string[] =>
    (load({ environment: { PATH: path, ...more } }).policy?.layers[0]?.filesystem.allow ?? [])
      .filter(({ id }) => id === 'toolchain')
      .map((rule) => rule.path.replace(root, ''));
  const make = (...paths: string[]): void => {
    for (const path of paths) write(join(root, path), '#!/bin/sh\n');
  };

  test('an install root is readable whole, without credentials in it', () => {
    make('home/.nvm/versions/node/v20/bin/node', 'home/.nvm/versions/node/v20/lib/x');
    expect(grants(join(home, '.nvm/versions/node/v20/bin'))).toEqual([
      '/home/.nvm/versions/node/v20',
    ]);
    make('home/.cargo/bin/cargo', 'home/.rustup/toolchains/x');
    expect(grants(join(home, '.cargo/bin'))).toEqual(['/home/.rustup', '/home/.cargo/bin']);
  });

  test('never a home, a project, or what holds the workspace', () => {
    make(
      'home/bin/x',
      'home/lib/x',
      'home/proj/bin/x',
      'home/proj/lib/x',
      'home/proj/.git/HEAD',
      'srv/bin/x',
      'srv/lib/x',
      'srv/.git/HEAD',
      'home/.pyenv/shims/x',
      'home/.pyenv/versions/3/x',
      'home/.pyenv/.git/HEAD',
      'home/go/bin/x',
      'home/go/src/private/x',
      'home/.local/bin/x',
      'home/.local/share/keyrings/x',
      'home/.local/lib/python3/x',
    );
    expect(
      grants(
        ['bin', 'proj/bin', 'go/bin', '.local/bin', '', '..', '../srv/bin', '.pyenv/shims']
          .map((path) => join(home, path))
          .join(':'),
      ),
    ).toEqual([
      '/srv/bin',
      '/home/bin',
      '/home/.pyenv',
      '/home/go/bin',
      '/home/proj/bin',
      '/home/.local/bin',
      '/home/.local/lib',
    ]);
    expect(
      grants(
        [
          '/',
          '/tmp',
          '/proc/self',
          '.',
          'relative',
          join(root, 'runner'),
          join(workspace, 'none'),
        ].join(':'),
      ),
    ).toEqual([]);
  });

  test('links lead to the program, its package or its install root, and no further', () => {
    make(
      'home/.local/share/claude/versions/1',
      'home/.local/share/claude/secret',
      'lib/node_modules/@x/cli/bin/run.js',
      'lib/node_modules/other/x',
      'py/bin/python3',
      'py/lib/x',
    );
    mkdirSync(join(home, '.local/bin'), { recursive: true });
    symlinkSync('../share/claude/versions/1', join(home, '.local/bin/claude'));
    symlinkSync(join(root, 'lib/node_modules/@x/cli/bin/run.js'), join(home, '.local/bin/x'));
    symlinkSync(join(root, 'py/bin/python3'), join(home, '.local/bin/python3'));
    symlinkSync('nowhere', join(home, '.local/bin/gone'));
    expect(grants(join(home, '.local/bin')).sort()).toEqual([
      '/home/.local/bin',
      '/home/.local/share/claude/versions/1',
      '/lib/node_modules/@x/cli',
      '/py',
    ]);
  });

  test("the runner's tool cache is readable", () => {
    make('cache/node/20/bin/node');
    expect(grants('', { RUNNER_TOOL_CACHE: join(root, 'cache') })).toEqual(['/cache']);
  });
});

describe('a nested run', () => {
  test('lies within its parent, whatever its text says', () => {
    write(
      '.github/agent-sandbox.yml',
      'version: 1\nnetwork: {allow: [{host: a.dev}]}\nlimits: {memory: 1GiB}\nexecution: {user: agent}\n',
    );
    const parent = load().policy;
    if (parent === undefined) throw new Error('refused');
    const child = narrowPolicy(
      parent,
      'version: 1\nmode: audit\nnetwork: {allow: [{host: "**"}]}\nlimits: {memory: 8GiB, cpus: 1}\nexecution: {user: root}\n',
      packageRoot,
      {},
    ).policy;
    if (child === undefined) throw new Error('refused');
    expect(answer(child, 'connect a.dev:443')).toMatch(/^allow/);
    expect(answer(child, 'connect b.dev:443')).toMatch(/^deny/);
    expect(child).toMatchObject({
      mode: 'enforce',
      user: 'agent',
      limits: { memory: 2 ** 30, cpus: 1 },
    });
    expect(narrowPolicy(parent, undefined, packageRoot, {}).policy).toBe(parent);
  });

  test('names templates, and no files of the host', () => {
    const parent = load().policy;
    if (parent === undefined) throw new Error('refused');
    expect(
      narrowPolicy(parent, 'version: 1\nextends: review-only\n', packageRoot, {}).policy,
    ).toBeDefined();
    for (const name of ['./x.yml', '/etc/passwd', '../package', 'none'])
      expect(
        narrowPolicy(parent, `version: 1\nextends: ["${name}"]\n`, packageRoot, {}).policy,
      ).toBeUndefined();
    expect(narrowPolicy(parent, 'version: 1\nx: 1\n', packageRoot, {}).diagnostics).toMatchObject([
      { code: 'unknown-key' },
    ]);
  });

  test('reads a template once, however often the text names it', () => {
    const parent = load().policy;
    if (parent === undefined) throw new Error('refused');
    const once = narrowPolicy(parent, 'version: 1\nextends: [codex]\n', packageRoot, {});
    const names = new Array(500).fill('codex').join(', ');
    const often = narrowPolicy(parent, `version: 1\nextends: [${names}]\n`, packageRoot, {});
    expect(often.documents).toHaveLength(once.documents.length);
    expect(often.policy?.layers[1]?.filesystem).toEqual(once.policy?.layers[1]?.filesystem);
  });
});
