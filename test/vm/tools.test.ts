// Tool servers in machines of their own, and an agent that reaches them by the gateway alone.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CliRig, collect, type CliResult, type LogRecord } from '../support/cli.ts';

const ROOT = join(import.meta.dirname, '../..');
const SERVER = join(ROOT, 'test/fixtures/tools/server.mjs');
const AGENT = join(ROOT, 'test/fixtures/tools/agent.mjs');
const FILES = join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
const CANARY = 'CANARY-IN-HOST-ENVIRONMENT';

type Call = [server: string, method: string, params: unknown];
interface Answer {
  result?: {
    tools?: { name: string }[];
    content?: { type: string; text: string }[];
    isError?: boolean;
  };
  error?: { code: number; message: string };
  status?: number;
}

const call = (server: string, name: string, args: unknown = {}): Call => [
  server,
  'tools/call',
  { name, arguments: args },
];
const textOf = ({ result }: Answer | undefined = {}): string =>
  result?.content?.map(({ text }) => text).join('\n') ?? '';

const recordsOf = (directory: string): LogRecord[] =>
  readFileSync(join(directory, 'decisions.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogRecord);

async function runAgent(
  rig: CliRig,
  policy: string,
  calls: readonly Call[],
): Promise<CliResult & { answers: Answer[] }> {
  const child = rig.start(['run', '--policy', rig.policy(policy), '--', 'node', AGENT], {
    HOST_SECRET: CANARY,
  });
  child.stdin?.end(calls.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const result = await collect(child);
  const lines = result.stdout.split('\n').filter((line) => line.startsWith('{'));
  return { ...result, answers: lines.map((line) => JSON.parse(line) as Answer) };
}

describe('tool servers of a session', () => {
  let rig: CliRig;
  let run: Awaited<ReturnType<typeof runAgent>>;
  let records: LogRecord[];

  const CALLS: Call[] = [
    ['probe', 'tools/list', {}],
    call('probe', 'env'),
    call('probe', 'read', { path: '/etc/hostname' }),
    call('probe', 'resolve', { name: 'example.com' }),
    call('probe', 'processes'),
    call('probe', 'secret'),
    call('probe', 'nothing-of-that-name'),
    ['files', 'tools/list', {}],
    call('files', 'read_text_file', { path: 'docs/a.txt' }),
    call('files', 'read_text_file', { path: 'docs/../private.txt' }),
    call('files', 'read_text_file', { path: 'docs/link' }),
    call('files', 'read_text_file', { path: 'docs/a.txt', head: 1 }),
    call('files', 'write_file', { path: 'docs/a.txt', content: 'x' }),
  ];

  beforeAll(async () => {
    rig = new CliRig();
    rig.write('private.txt', 'PRIVATE-TEXT');
    rig.write('docs/a.txt', 'hello from a file\n');
    const policy = [
      'version: 1',
      'mcp:',
      '  servers:',
      `    - {id: probe, command: [node, ${SERVER}]}`,
      '    - id: files',
      `      command: [node, ${FILES}, .]`,
      '      sandbox: {filesystem: {allow: [{path: docs, access: read}]}}',
      '  allow:',
      '    - {server: probe, tools: [env, resolve, processes]}',
      '    - {server: probe, tools: [read], arguments: {path: {type: string}}}',
      '    - {server: probe, tools: [resolve], arguments: {name: {type: string}}}',
      '    - id: docs',
      '      server: files',
      '      tools: [read_text_file]',
      '      arguments: {path: {type: string, within: ["docs/**"]}}',
    ].join('\n');
    run = await runAgent(rig, policy, CALLS);
    // Each server has a session of its own.
    records =
      rig
        .sessions()
        .map(recordsOf)
        .find(([first]) => first?.['parent'] === undefined) ?? [];
  }, 600_000);
  afterAll(() => rig.remove());

  it('are seen with the tools that rules allow, and with no others', () => {
    expect(run.stderr).not.toContain('internal error');
    const [probe, files] = [run.answers[0], run.answers[7]];
    expect(probe?.result?.tools?.map(({ name }) => name)).toEqual([
      'env',
      'read',
      'resolve',
      'processes',
    ]);
    expect(files?.result?.tools?.map(({ name }) => name)).toEqual(['read_text_file']);
  });

  it('have nothing of the host: no variables, no network, no processes', () => {
    const [, env, , resolved, processes] = run.answers;
    expect(textOf(env)).toContain('"PATH"');
    expect(textOf(env)).not.toContain(CANARY);
    expect(textOf(env)).not.toContain('AGENT_SANDBOX_MCP_TOKEN');
    expect(resolved?.result?.isError).toBe(true);
    expect(textOf(resolved)).toContain('ENOTFOUND');
    expect(
      textOf(processes)
        .split('\n')
        .filter((line) => /^\d+$/.test(line)).length,
    ).toBeLessThan(10);
  });

  it('answer for a hidden tool as for one that is not there', () => {
    const [hidden, unknown] = [run.answers[5]?.error, run.answers[6]?.error];
    expect(hidden).toEqual({ code: -32602, message: 'Unknown tool: secret' });
    expect(unknown).toEqual({ code: -32602, message: 'Unknown tool: nothing-of-that-name' });
  });

  it('read what their own policy lets them, whatever they are asked', () => {
    const [allowed, up, through, more] = run.answers.slice(8, 12);
    expect(textOf(allowed)).toBe('hello from a file\n');
    for (const denied of [up, through, more]) {
      expect(denied?.result?.isError ?? denied?.error !== undefined).toBe(true);
      expect(JSON.stringify(denied)).not.toContain('PRIVATE-TEXT');
    }
    expect(run.answers[12]?.error?.message).toBe('Unknown tool: write_file');
    expect(rig.read('docs/a.txt')).toBe('hello from a file\n');
  });

  it('leave one record for each call, without what it was called with', () => {
    const text = JSON.stringify(records);
    expect(text).not.toContain('docs/../private.txt');
    expect(records).toContainEqual(
      expect.objectContaining({
        type: 'decision',
        surface: 'mcp',
        request: 'tool files/read_text_file',
        effect: 'allow',
      }),
    );
  });
});

describe('a session with a tool server that does not start', () => {
  let rig: CliRig;
  beforeAll(() => {
    rig = new CliRig();
  });
  afterAll(() => rig.remove());
  const policy = (entry: string): string =>
    `version: 1\nmcp:\n  servers:\n    - {id: gone, command: [node, /nothing-here.js]${entry}}\n    - {id: probe, command: [node, ${SERVER}]}\n  allow:\n    - {server: probe, tools: [env]}\n`;

  it('does not start where the server is required, and says what to do', async () => {
    const result = await rig.run(['echo', 'THE-AGENT-RAN'], { policy: policy('') });
    expect(result.code).toBe(125);
    expect(result.stdout).not.toContain('THE-AGENT-RAN');
    expect(result.stderr).toContain('the tool server "gone" cannot be used');
    expect(result.stderr).toMatch(/next: see what it wrote in \S+mcp-gone\.log/);
    expect(result.stderr).not.toContain('internal error');
  });

  it('starts without one that is not, and clients are told of the gateway alone', async () => {
    const script = [
      'cat /etc/claude-code/managed-mcp.json /etc/codex/requirements.toml /etc/gemini-cli/settings.json',
      'cat ~/.cursor/mcp.json ~/.copilot/mcp-config.json ~/.config/Code/User/mcp.json',
      `printf '%s\\n' '{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}}' '{"jsonrpc":"2.0","method":"notifications/initialized"}' '{"jsonrpc":"2.0","id":7,"method":"tools/list"}' | node ${join(ROOT, 'bin/agent-sandbox.js')} mcp connect probe`,
    ].join('\n');
    const result = await rig.run(['sh', '-c', script], { policy: policy(', required: false') });
    expect(result.code, result.stderr).toBe(0);
    expect(result.stderr).toContain('the tool server "gone" cannot be used');
    const urls = result.stdout.match(/"(?:url|httpUrl)"?:? ?=? ?"[^"]*"|url = "[^"]*"/g) ?? [];
    expect(urls.length).toBeGreaterThanOrEqual(6);
    for (const url of urls)
      expect(url).toMatch(/http:\/\/mcp\.sandbox\.internal\/mcp\/(?:gone|probe)"$/);
    const answers = result.stdout
      .split('\n')
      .filter((line) => line.startsWith('{"jsonrpc"'))
      .map((line) => JSON.parse(line) as { id: unknown } & Answer);
    expect(answers.map(({ id }) => id)).toEqual(['a', 7]);
    expect(answers[1]?.result?.tools?.map(({ name }) => name)).toEqual(['env']);
  });
});
