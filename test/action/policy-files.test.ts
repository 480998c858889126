// Which files a step takes its policies from: none that the head, the guest or an earlier step has written.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { fetchPolicies, type PolicyFiles } from '../../src/action/policy-files.ts';
import { readLock } from '../../src/cli/mcp-lock-file.ts';
import type { JobContext } from '../../src/github/context.ts';

const LOCK = '.github/agent-sandbox.mcp.lock';
const SERVERS = 'version: 1\nmcp: {servers: [{id: gh, url: "https://mcp.example.com/"}]}\n';

let directory: string;
let workspace: string;
let asked: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'policy-files-test-'));
  workspace = join(directory, 'work');
  asked = [];
  mkdirSync(join(workspace, '.github'), { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function fetched(files: Record<string, string>, policy?: string): Promise<PolicyFiles> {
  const context = {
    workspace,
    repository: 'acme/app',
    owner: 'acme',
    event: { name: 'push', defaultBranch: 'main' },
    isRefProtected: false,
  } as JobContext;
  const file = (_: string, path: string): Promise<string | undefined> => {
    asked.push(path);
    return Promise.resolve(files[path]);
  };
  const call = (): Promise<{ status: number; body: unknown }> => Promise.reject(new Error('asked'));
  return fetchPolicies({
    context,
    github: { file, call },
    policy,
    orgPolicy: 'none',
    orgVariable: '',
    directory: join(directory, 'own'),
  });
}

describe('what was reviewed of tool servers', () => {
  it('is the base’s, whatever the head says was', async () => {
    writeFileSync(join(workspace, LOCK), 'the head’s');
    const base = '{"version":1,"servers":{}}';
    const { root } = await fetched({ '.github/agent-sandbox.yml': SERVERS, [LOCK]: base });
    expect(readFileSync(join(root, LOCK), 'utf8')).toBe(base);
    const policy = { workspace, mcp: { servers: [] } } as unknown as Parameters<typeof readLock>[0];
    expect(() => readLock(policy, false)).toThrow();
    rmSync(join(root, LOCK));
    expect(readLock(policy, false, root)).toBeUndefined();
  });

  it('is the base’s where servers are in a file that the policy extends', async () => {
    const { root } = await fetched({
      '.github/agent-sandbox.yml': 'version: 1\nextends: [./more.yml]\n',
      '.github/more.yml': SERVERS,
      [LOCK]: 'x',
    });
    expect(existsSync(join(root, LOCK))).toBe(true);
  });

  it('is not asked for where there are none', async () => {
    await fetched({ '.github/agent-sandbox.yml': 'version: 1\n', [LOCK]: 'x' });
    expect(asked).toEqual(['.github/agent-sandbox.yml']);
  });
});

describe('the input `policy`', () => {
  it('is a file of the base where it is written as one of the workspace', async () => {
    for (const path of ['..policy/p.yml', '.github/p.yml', 'p.yml']) {
      const { root, policy } = await fetched({ [path]: 'version: 1\n' }, join(workspace, path));
      expect(policy).toBe(join(root, path));
    }
  });

  it.each(['', '.', '..', '../p.yml', 'a/../../p.yml'])(
    'is no path that leads out: %j',
    async (path) => {
      if (path !== '')
        await expect(fetched({}, path)).rejects.toMatchObject({ code: 'ACTION_INPUT' });
      await expect(fetched({}, workspace)).rejects.toMatchObject({ code: 'ACTION_INPUT' });
    },
  );

  it('reads nothing of the workspace by another name of it', async () => {
    writeFileSync(join(workspace, 'p.yml'), 'version: 1\n');
    symlinkSync(workspace, join(directory, 'alias'));
    symlinkSync(join(workspace, 'p.yml'), join(directory, 'link.yml'));
    for (const path of ['alias/p.yml', 'link.yml'])
      await expect(fetched({}, join(directory, path))).rejects.toMatchObject({
        code: 'ACTION_INPUT',
      });
    writeFileSync(join(directory, 'runner.yml'), 'version: 1\n');
    expect((await fetched({}, join(directory, 'runner.yml'))).policy).toBe(
      join(directory, 'runner.yml'),
    );
  });
});
