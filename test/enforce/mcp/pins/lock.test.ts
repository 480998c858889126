import { describe, expect, it } from 'vitest';

import { createPins } from '../../../../src/enforce/mcp/pins/create-pins.ts';
import { digestOf } from '../../../../src/enforce/mcp/pins/digest.ts';
import { checkPackages, checkPlaces } from '../../../../src/enforce/mcp/pins/lock-place.ts';
import { readLock } from '../../../../src/enforce/mcp/pins/lock-reader.ts';
import { writeLock } from '../../../../src/enforce/mcp/pins/lock-writer.ts';
import { SandboxError } from '../../../../src/model/error.ts';
import { AT, lockWith, tool } from './support.ts';

const LOCK = lockWith([tool(), tool({ name: 'a_tool' })], {
  prompt: [{ name: 'review' }],
  resource: [{ uri: 'file:///workspace/a', name: 'a' }],
  template: [{ uriTemplate: 'file:///{x}', name: 't' }],
});

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SandboxError) return error.code;
    throw error;
  }
  return 'none';
}

const readText = (text: string): string => codeOf(() => readLock(Buffer.from(text)));

describe('the lock file', () => {
  it('comes back as it was written, byte for byte', () => {
    const bytes = writeLock(LOCK);
    expect(writeLock(readLock(bytes))).toEqual(bytes);
    expect(readLock(bytes)).toEqual({
      ...LOCK,
      servers: {
        files: { ...LOCK.servers.files, tools: [...(LOCK.servers.files?.tools ?? [])].reverse() },
      },
    });
  });

  it('is written in one order, a field a line', () => {
    const text = writeLock(LOCK).toString();
    expect(text.indexOf('"a_tool"')).toBeLessThan(text.indexOf('"read_file"'));
    expect(text).toContain('\n          "definition": {\n            "name": "a_tool",\n');
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('shows a reviewer what cannot be seen', () => {
    const lock = lockWith([]);
    if (lock.servers.files === undefined) throw new Error('expected an entry');
    lock.servers.files.instructions = 'a\u200bb\u202ec\u{e0041}';
    const text = writeLock(lock).toString();
    expect(text).toContain('a\\u200bb\\u202ec\\udb40\\udc41');
    expect(readLock(Buffer.from(text)).servers.files?.instructions).toBe(
      'a\u200bb\u202ec\u{e0041}',
    );
  });

  it('holds names of variables and no values', () => {
    const text = writeLock(LOCK).toString();
    expect(LOCK.servers.files?.at).toEqual({
      kind: 'local',
      command: ['files-server'],
      environment: ['LANG'],
    });
    expect(text).not.toContain('"C"');
  });

  const text = writeLock(LOCK).toString();
  it.each([
    [
      'a definition that its digest is not of',
      text.replace('one text file', 'one secret file'),
      'MCP_LOCK_DIGEST',
    ],
    [
      'a hint that its digest is not of',
      text.replace('"destructiveHint": true', '"destructiveHint": false'),
      'MCP_LOCK_DIGEST',
    ],
    [
      'a key twice',
      text.replace('"era": "legacy"', '"era": "legacy", "era": "legacy"'),
      'MCP_LOCK_JSON',
    ],
    ['a server twice', text.replace('"servers": {', '"servers": {"files": {},'), 'MCP_LOCK_JSON'],
    [
      'a prototype',
      text.replace('"serverInfo": {', '"serverInfo": {"__proto__": {},'),
      'MCP_LOCK_JSON',
    ],
    ['no JSON', text.slice(0, -4), 'MCP_LOCK_JSON'],
    ['another version', text.replace('"version": 1,', '"version": 2,'), 'MCP_LOCK_VERSION'],
    ['an unknown field', text.replace('"era"', '"trusted": true, "era"'), 'MCP_LOCK_SHAPE'],
    [
      'an unknown field of a place',
      text.replace('"kind": "local"', '"kind": "local", "shell": true'),
      'MCP_LOCK_SHAPE',
    ],
    ['no era', text.replace('"legacy"', '"other"'), 'MCP_LOCK_SHAPE'],
    ['a list', '[]', 'MCP_LOCK_SHAPE'],
    ['nothing', '', 'MCP_LOCK_JSON'],
    ['a bad server id', text.replace('"files": {', '"Files": {'), 'MCP_LOCK_SHAPE'],
    [
      'too deep',
      text.replace(
        '"capabilities": {',
        `"capabilities": {"a": ${'['.repeat(80)}${']'.repeat(80)},`,
      ),
      'MCP_LOCK_SHAPE_OR_SIZE',
    ],
    ['too long', `${text}${' '.repeat(8 << 20)}`, 'MCP_LOCK_SIZE'],
  ])('refuses %s', (_what, bent, code) => {
    expect(bent).not.toBe(text);
    expect(readText(bent)).toBe(code === 'MCP_LOCK_SHAPE_OR_SIZE' ? 'MCP_LOCK_SIZE' : code);
  });

  it('refuses a definition that may not be served, whatever its digest', () => {
    for (const fields of [
      { name: 'a/b' },
      { icons: [] },
      { inputSchema: { $ref: 'http://example.com/' } },
    ]) {
      const definition = tool(fields);
      const lock = structuredClone(LOCK);
      lock.servers.files?.tools.push({ digest: digestOf(definition), definition });
      expect(codeOf(() => readLock(writeLock(lock)))).toBe('MCP_LOCK_SHAPE');
    }
    const twice = structuredClone(LOCK);
    twice.servers.files?.tools.push(...twice.servers.files.tools.slice(0, 1));
    expect(codeOf(() => readLock(writeLock(twice)))).toBe('MCP_LOCK_SHAPE');
  });

  it('serves from a lock before the server was ever asked', () => {
    const pins = createPins({ lock: readLock(writeLock(LOCK)) });
    expect(pins.isLocked('files')).toBe(true);
    expect(pins.served('files', 'tool').map(({ name }) => name)).toEqual(['a_tool', 'read_file']);
    expect(pins.find('files')?.facts.instructions).toBe('Paths are relative to the workspace.');
  });
});

describe('servers beside their entries', () => {
  it.each([
    ['another URL', { kind: 'remote', url: 'https://mcp.example.test/mcp' }],
    ['another command', { ...AT, command: ['files-server', '--all'] }],
    ['another variable', { ...AT, environment: { LANG: 'C', NODE_OPTIONS: 'x' } }],
  ] as const)('NM10 refuses %s', (_what, at) => {
    const place = { ...at, ...('command' in at ? { command: [...at.command] } : {}) } as typeof AT;
    expect(codeOf(() => checkPlaces(LOCK, [{ id: 'files', at: place }]))).toBe('MCP_LOCK_PLACE');
  });

  it('NM10 takes the same place with other values of its variables', () => {
    expect(
      codeOf(() =>
        checkPlaces(LOCK, [
          { id: 'files', at: { ...AT, environment: { LANG: 'de' } } as typeof AT },
        ]),
      ),
    ).toBe('none');
  });

  it('refuses a server that was not reviewed where nothing may be new', () => {
    const servers = [{ id: 'weather', at: AT }];
    expect(codeOf(() => checkPlaces(LOCK, servers))).toBe('none');
    expect(codeOf(() => checkPlaces(LOCK, servers, { frozen: true }))).toBe('MCP_LOCK_PLACE');
  });

  it('RG7 refuses a package that is not the one that was reviewed', () => {
    const lock = structuredClone(LOCK);
    const digest = `sha512-${'a'.repeat(86)}==`;
    if (lock.servers.files !== undefined)
      lock.servers.files.packages = { 'postmark@1.0.0': digest };
    expect(codeOf(() => checkPackages(lock, 'files', { 'postmark@1.0.0': digest }))).toBe('none');
    for (const resolved of [
      { 'postmark@1.0.0': `sha512-${'b'.repeat(86)}==` },
      { 'postmark@1.0.1': digest },
      {},
      { 'postmark@1.0.0': digest, 'evil@1.0.0': digest },
    ])
      expect(codeOf(() => checkPackages(lock, 'files', resolved))).toBe('MCP_LOCK_PLACE');
    expect(readLock(writeLock(lock)).servers.files?.packages).toEqual({ 'postmark@1.0.0': digest });
  });
});
