// Tool servers of policies in files: who has to accept them, what a guest may not write, what a nested run may say.
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { EffectivePolicy } from '../../src/model/policy.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { policyOfServer } from '../../src/policy/server-policy.ts';
import { type LoadedPolicy, type LoadOptions, loadEffectivePolicy } from '../../src/source/load.ts';
import { narrowPolicy } from '../../src/source/narrow.ts';
import { answer } from '../policy/support.ts';

const packageRoot = resolve(import.meta.dirname, '../..');
let root: string;
let workspace: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'Servers-')));
  workspace = join(root, 'ws');
  mkdirSync(join(workspace, '.github'), { recursive: true });
  mkdirSync(join(root, 'home'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function load(text: string, options: Partial<LoadOptions> = {}): LoadedPolicy {
  writeFileSync(join(workspace, '.github/agent-sandbox.yml'), `version: 1\n${text}\n`);
  return loadEffectivePolicy({
    workspace,
    home: join(root, 'home'),
    environment: { PATH: '/usr/bin:/bin' },
    packageRoot,
    directory: workspace,
    ...options,
  });
}

function policyOf(text: string): EffectivePolicy {
  const { policy, diagnostics } = load(text);
  if (policy === undefined) throw new Error(JSON.stringify(diagnostics));
  return policy;
}

describe('a policy that comes with a workspace', () => {
  const SERVER = 'mcp: {servers: [{id: s, command: [x]}]}';
  const isAccepted = (): boolean => false;
  it('defines servers only once it was accepted as it is', () => {
    const { policy, diagnostics } = load(SERVER, { isAccepted });
    expect(policy).toBeUndefined();
    expect(diagnostics).toMatchObject([
      { code: 'not-accepted', file: '.github/agent-sandbox.yml', span: { line: 2 } },
    ]);
    expect(diagnostics[0]?.message).toContain('and defines tool servers, and nobody');
    expect(load(SERVER, { isAccepted: () => true }).policy?.mcp.servers).toHaveLength(1);
    expect(load(SERVER, { isAccepted, policy: '.github/agent-sandbox.yml' }).policy).toBeDefined();
  });

  it('says both where it asks for credentials as well', () => {
    const text = `${SERVER}\ncredentials: [{id: c, provider: env, request: {name: T}, bind: [{host: a.test}]}]`;
    const { diagnostics } = load(text, { isAccepted });
    expect(diagnostics[0]?.message).toContain('asks for credentials and defines tool servers');
  });

  it('is asked about where a file that it extends defines them', () => {
    writeFileSync(join(workspace, '.github/more.yml'), `version: 1\n${SERVER}\n`);
    const { diagnostics } = load('extends: ./more.yml', { isAccepted });
    expect(diagnostics).toMatchObject([{ code: 'not-accepted', file: '.github/more.yml' }]);
  });

  it('needs no acceptance to deny tools', () => {
    expect(load('mcp: {deny: [{server: "*"}]}', { isAccepted }).policy).toBeDefined();
  });
});

it('keeps the lock of servers from being written, whatever a policy allows', () => {
  const policy = policyOf('filesystem: {allow: [{path: ., access: write}]}');
  expect(answer(policy, 'write .github/agent-sandbox.mcp.lock')).toBe('deny by builtin/tool-lock');
  expect(answer(policy, 'write .GITHUB/Agent-Sandbox.mcp.LOCK')).toBe('deny by builtin/tool-lock');
  expect(answer(policy, 'read .github/agent-sandbox.mcp.lock')).toBe(
    'allow by repo/filesystem.allow[0]',
  );
  expect(answer(policy, 'write .github/other')).toContain('allow');
});

it('M23 judges what a sandbox names by where it is, behind links', () => {
  mkdirSync(join(root, 'secret'));
  symlinkSync(join(root, 'secret'), join(workspace, 'link'));
  const policy = policyOf(
    'mcp: {servers: [{id: s, command: [x], sandbox: {filesystem: {allow: [{path: link, access: read}]}}}]}',
  );
  expect(answer(policyOfServer(policy, 's'), `read ${join(root, 'secret', 'a')}`)).toContain(
    'deny',
  );
});

it('puts hosts in the place of destinations in a sandbox, too', () => {
  const text = (host: string): string =>
    `mcp: {servers: [{id: s, command: [x], sandbox: {network: {allow: [{host: ${host}}]}}}]}`;
  const own = policyOfServer(policyOf(text('github')), 's');
  expect(answer(own, 'connect github.com:443')).toContain('allow');
  const { policy, diagnostics } = load(text('nowhere'));
  expect(policy).toBeUndefined();
  expect(diagnostics[0]?.code).toBe('destination');
});

describe('a nested run', () => {
  const parentText =
    'mcp: {servers: [{id: s, command: [x]}], allow: [{id: all, server: s, tools: ["*"], limit: 5/day, per: [a]}, {server: s, features: [sampling]}], secrets: {results: block}}';
  const nested = (text: string): LoadedPolicy =>
    narrowPolicy(policyOf(parentText), `version: 1\n${text}\n`, packageRoot, {});

  it('has the tools of the session around it, but for those it denies', () => {
    const { policy, diagnostics } = nested(
      'mcp: {deny: [{server: s, tools: ["delete_*"]}, {server: s, features: [sampling]}]}',
    );
    expect(diagnostics).toEqual([]);
    if (policy === undefined) throw new Error('no policy');
    expect(answer(policy, 'tool s/get {}')).toBe('allow by repo/all');
    expect(answer(policy, 'tool s/delete_x {}')).toBe('deny by repo/mcp.deny[0]');
    expect(answer(policy, 'feature s/sampling')).toBe('deny by repo/mcp.deny[1]');
    expect(answer(policy, 'tool other/get {}')).toBe('deny by builtin/default');
    expect(policy.mcp.servers.map(({ id }) => id)).toEqual(['s']);
    expect(policy.mcp.secrets).toEqual({ arguments: 'block', results: 'block' });
    const { limits } = createDecider(policy)({
      kind: 'tool',
      server: 's',
      tool: 'get',
      arguments: { a: 1 },
    });
    expect(limits).toEqual([
      expect.objectContaining({ depth: 1, key: '[1]', limit: { count: 5, per: 'day' } }),
    ]);
  });

  it.each([
    'mcp: {allow: [{server: s, tools: [t]}]}',
    'mcp: {servers: [{id: t, command: [y]}]}',
    'mcp: {secrets: {results: report}}',
    'mcp: {limits: {calls: 5}}',
    'max: {mcp: {allow: []}}',
  ])('may not say `%s`', (text) => {
    const { policy, diagnostics } = nested(text);
    expect(policy).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: 'not-enforced' }]);
  });

  it('denies what the session around it does not allow', () => {
    const { policy } = nested('network: {allow: [{host: a.dev}]}');
    if (policy === undefined) throw new Error('no policy');
    expect(answer(policy, 'prompt s/p')).toBe('deny by builtin/default');
    expect(answer(policy, 'resource s file:///etc/passwd')).toBe('deny by builtin/default');
    expect(answer(policy, 'tool s/t {}')).toBe('allow by repo/all');
  });
});
