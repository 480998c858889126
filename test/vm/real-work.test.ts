import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CliRig, PROGRAM, collect } from '../support/cli.ts';

/** Files of the repository the tools work on. */
const FILES = 3000;
/** In the namespace only: an address that a `cidr` rule can name, and one that none does. */
const REGISTRY = '10.77.0.1';

let rig: CliRig;
beforeAll(() => {
  rig = new CliRig();
  for (let index = 0; index < FILES; index += 1) {
    const directory = join(rig.workspace, `src/d${index % 100}`);
    if (index < 100) mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `f${index}.ts`), `export const v${index} = ${index};\n`);
  }
  rig.write('main.c', '#include <stdio.h>\nint main(void) { puts("built"); return 0; }\n');
  rig.write('Makefile', 'all: main\nmain: main.c\n\tcc -O1 -o main main.c\n');
  rig.write('package.json', '{"name":"app","version":"1.0.0"}');
  const git = (...args: string[]): void =>
    void execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], {
      cwd: rig.workspace,
    });
  git('init', '-q');
  git('add', '.');
  git('commit', '-q', '-m', 'first');
});
afterAll(() => rig.remove());

describe('real tools on a real repository', () => {
  it('git sees a clean tree, then a change, commits it, and the host has the commit', async () => {
    const script = [
      'git status --porcelain | wc -l',
      'echo "// more" >> src/d1/f1.ts',
      'git status --porcelain',
      'git -c user.name=G -c user.email=g@example.com commit -qam second && git log --oneline | wc -l',
    ].join('\n');
    const { stdout, stderr } = await rig.run(['sh', '-c', script]);
    expect(stdout.split('\n').map((line) => line.trim())).toEqual(['0', 'M src/d1/f1.ts', '2', '']);
    expect(stderr).not.toContain('fatal');
    const log = execFileSync('git', ['log', '--format=%s'], {
      cwd: rig.workspace,
      encoding: 'utf8',
    });
    expect(log).toBe('second\nfirst\n');
    expect(
      execFileSync('git', ['status', '--porcelain'], { cwd: rig.workspace, encoding: 'utf8' }),
    ).toBe('');
  });

  it('what the guest writes into git configuration and hooks never reaches the host', async () => {
    const before = readFileSync(join(rig.workspace, '.git/config'), 'utf8');
    const script = [
      'git config core.fsmonitor "touch /tmp/pwned"',
      'git config core.fsmonitor',
      'printf "#!/bin/sh\\ntouch /tmp/pwned\\n" > .git/hooks/post-checkout && chmod +x .git/hooks/post-checkout && ls .git/hooks/post-checkout',
      'mv .git .git2 || echo kept',
    ].join('\n');
    const { stdout } = await rig.run(['sh', '-c', script]);
    expect(stdout).toContain('touch /tmp/pwned');
    expect(stdout).toContain('.git/hooks/post-checkout');
    expect(stdout).toContain('kept');
    expect(readFileSync(join(rig.workspace, '.git/config'), 'utf8')).toBe(before);
    expect(existsSync(join(rig.workspace, '.git/hooks/post-checkout'))).toBe(false);
  });

  it('builds C, runs python3 and node, and what they made is on the host', async () => {
    const script = [
      'make -s && ./main',
      "python3 -c \"import json,os; json.dump(sorted(os.listdir('src'))[:2], open('py.json','w')); print('python')\"",
      "node -e \"require('fs').writeFileSync('node.json', JSON.stringify({n: 1})); console.log('node')\"",
    ].join('\n');
    const { stdout, stderr, code } = await rig.run(['sh', '-c', script]);
    expect(stdout, stderr).toBe('built\npython\nnode\n');
    expect(code).toBe(0);
    expect(execFileSync(join(rig.workspace, 'main'), { encoding: 'utf8' })).toBe('built\n');
    expect(rig.read('py.json')).toBe('["d0", "d1"]');
    expect(rig.read('node.json')).toBe('{"n":1}');
  });

  it('npm installs from a registry that a rule names, and from no other', async (context) => {
    if (process.getuid?.() !== 0)
      context.skip('a network namespace with addresses of its own needs root');
    const dependency = join(rig.root, 'dep/package');
    mkdirSync(dependency, { recursive: true });
    writeFileSync(
      join(dependency, 'package.json'),
      '{"name":"tiny-dep","version":"1.2.3","main":"index.js"}',
    );
    writeFileSync(join(dependency, 'index.js'), 'module.exports = "installed";\n');
    const tarball = join(rig.root, 'tiny-dep.tgz');
    execFileSync('tar', ['czf', tarball, '-C', join(rig.root, 'dep'), 'package']);
    const policy = rig.policy(
      `version: 1\nnetwork: {allow: [{cidr: ${REGISTRY}/32, ports: [4873]}]}\n`,
    );
    const install = (port: number): string =>
      `npm install --no-audit --no-fund --loglevel=error --fetch-retries=0 --registry http://${REGISTRY}:${port} tiny-dep`;
    const guest = `${install(4874)} && echo WRONG; ${install(4873)} && node -p "require('tiny-dep')"`;
    const script = [
      'ip link set lo up',
      `ip addr add ${REGISTRY}/32 dev lo`,
      `"$NODE" "$REGISTRY_PROGRAM" ${REGISTRY} 4874 "$TARBALL" > "$ROOT/other" & other=$!`,
      `"$NODE" "$REGISTRY_PROGRAM" ${REGISTRY} 4873 "$TARBALL" > "$ROOT/ready" & named=$!`,
      'until [ -s "$ROOT/ready" ] && [ -s "$ROOT/other" ]; do sleep 0.1; done',
      '"$NODE" "$PROGRAM" run --policy "$POLICY" -- sh -c "$GUEST"; code=$?',
      'kill $other $named; exit $code',
    ].join('\n');
    const child = spawn('unshare', ['--net', 'sh', '-c', script], {
      cwd: rig.workspace,
      env: {
        ...process.env,
        NODE: process.execPath,
        PROGRAM,
        POLICY: policy,
        GUEST: guest,
        ROOT: rig.root,
        TARBALL: tarball,
        REGISTRY_PROGRAM: join(import.meta.dirname, '../fixtures/registry.mjs'),
        AGENT_SANDBOX_LOG_DIR: rig.logs,
      },
    });
    const { stdout, stderr } = await collect(child);
    expect(stdout, stderr).toContain('installed');
    expect(stdout).not.toContain('WRONG');
    expect(existsSync(join(rig.workspace, 'node_modules/tiny-dep/index.js'))).toBe(true);
    expect(rig.denials()).toContainEqual(
      expect.objectContaining({ request: `connect ${REGISTRY}:4874` }),
    );
  });
});
