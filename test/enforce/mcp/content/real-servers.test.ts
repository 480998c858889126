import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, describe, expect, it } from 'vitest';

import { definitionFindings } from '../../../../src/enforce/mcp/content/definition.ts';
import { createPins } from '../../../../src/enforce/mcp/pins/create-pins.ts';
import { lockOf } from '../../../../src/enforce/mcp/pins/lock-build.ts';
import { readLock } from '../../../../src/enforce/mcp/pins/lock-reader.ts';
import { writeLock } from '../../../../src/enforce/mcp/pins/lock-writer.ts';
import type { JsonObject } from '../../../../src/model/credential.ts';
import type { Definition, DefinitionKind } from '../../../../src/model/mcp.ts';
import { rig } from './support.ts';

const require = createRequire(import.meta.url);
const folder = mkdtempSync(join(tmpdir(), 'mcp-real-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Package, its arguments, and how many tools its version is known to have. */
const SERVERS: [string, string[], number][] = [
  ['@modelcontextprotocol/server-everything', ['stdio'], 12],
  ['@modelcontextprotocol/server-filesystem', [folder], 14],
  ['@modelcontextprotocol/server-memory', [], 9],
  ['@modelcontextprotocol/server-sequential-thinking', [], 1],
  ['@playwright/mcp', ['--headless'], 20],
];
const LISTS: [DefinitionKind, string, string][] = [
  ['tool', 'tools/list', 'tools'],
  ['prompt', 'prompts/list', 'prompts'],
  ['resource', 'resources/list', 'resources'],
  ['template', 'resources/templates/list', 'resourceTemplates'],
];

function binOf(name: string): string {
  const paths = require.resolve.paths(name) ?? [];
  for (const path of paths)
    try {
      const manifest = join(path, name, 'package.json');
      const { bin } = require(manifest) as { bin: string | Record<string, string> };
      const file = typeof bin === 'string' ? bin : Object.values(bin)[0];
      return join(dirname(manifest), file ?? '');
    } catch {
      continue; // not installed under this folder
    }
  throw new Error(`expected ${name} to be installed: npm ci`);
}

/** Asks one server over stdio, as a client does. */
function client(child: ChildProcess): (method: string, params?: JsonObject) => Promise<JsonObject> {
  const waiting = new Map<number, (message: { result?: JsonObject }) => void>();
  if (child.stdout === null) throw new Error('expected a pipe');
  createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line) as { id?: number; result?: JsonObject };
    if (message.id !== undefined) waiting.get(message.id)?.(message);
  });
  let id = 0;
  return (method, params = {}) =>
    new Promise((resolve) => {
      const asked = ++id;
      waiting.set(asked, ({ result }) => resolve(result ?? {}));
      child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id: asked, method, params })}\n`);
    });
}

async function ask(
  name: string,
  args: string[],
): Promise<{ hello: JsonObject; lists: Record<DefinitionKind, Definition[]> }> {
  const child = spawn(process.execPath, [binOf(name), ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'], HOME: folder },
  });
  try {
    const request = client(child);
    const hello = await request('initialize', {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'test', version: '1' },
    });
    child.stdin?.write('{"jsonrpc":"2.0","method":"notifications/initialized"}\n');
    const lists = { tool: [], prompt: [], resource: [], template: [] } as Record<
      DefinitionKind,
      Definition[]
    >;
    for (const [kind, method, field] of LISTS)
      lists[kind] = ((await request(method))[field] ?? []) as Definition[];
    return { hello, lists };
  } finally {
    child.kill('SIGKILL');
  }
}

describe('servers that people use', () => {
  it.each(SERVERS)(
    'TP17 [ctl] finds nothing in %s, and pins it whole',
    async (name, args, tools) => {
      const { hello, lists } = await ask(name, args);
      expect(lists.tool.length).toBeGreaterThanOrEqual(tools);
      for (const definition of Object.values(lists).flat())
        expect(definitionFindings(definition)).toEqual([]);
      const facts = {
        era: 'legacy' as const,
        revision: '2025-11-25',
        serverInfo: hello.serverInfo as JsonObject,
        capabilities: hello.capabilities as JsonObject,
        ...(typeof hello.instructions === 'string' ? { instructions: hello.instructions } : {}),
      };
      const at = { kind: 'local' as const, command: [name], environment: {} };
      const { server, findings } = lockOf({ id: 'real', at, facts, definitions: lists });
      expect(findings).toEqual([]);
      if (server === undefined) throw new Error('expected an entry');
      const lock = readLock(writeLock({ version: 1, servers: { real: server } }));
      const pins = createPins({ lock });
      expect(pins.meet('real', facts)).toEqual([]);
      for (const [kind] of LISTS) {
        expect(pins.compare('real', kind, lists[kind])).toEqual([]);
        expect(pins.served('real', kind)).toHaveLength(lists[kind].length);
      }
      // Nothing of what they say of themselves is changed on its way.
      const reading = rig().content.incoming('real', { tools: lists.tool }, {});
      expect(reading).toMatchObject({ action: 'pass', findings: [] });
    },
  );
});
