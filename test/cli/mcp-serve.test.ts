// The gateway by itself, before a remote server, as a process of the built program: credentials, records, clients.

import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ChildProcess } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CliRig, collect, type CliResult, type LogRecord } from '../support/cli.ts';

const SECRET = 'the-real-value-of-the-token-0123456789';

interface Message {
  id?: number | string;
  method?: string;
  params?: { name?: string; arguments?: Record<string, string> };
}

/** Answers as a server of revision 2025-11-25 that knows no sessions, and keeps what it was sent. */
const seen: { headers: IncomingHttpHeaders; message: Message }[] = [];
const TOOLS = ['echo', 'whoami', 'danger'].map((name) => ({
  name,
  description: name,
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
}));

function answer({ method, params }: Message, headers: IncomingHttpHeaders): unknown {
  switch (method) {
    case 'initialize':
      return {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'remote', version: '1' },
      };
    case 'tools/list':
      return { tools: TOOLS };
    case 'tools/call': {
      const text =
        params?.name === 'whoami' ? String(headers.authorization) : params?.arguments?.['text'];
      return { content: [{ type: 'text', text }] };
    }
    default:
      return undefined;
  }
}

function serveTools(): Promise<Server> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      if (request.method !== 'POST') return void response.writeHead(405).end();
      const message = JSON.parse(body) as Message;
      seen.push({ headers: request.headers, message });
      if (message.id === undefined) return void response.writeHead(202).end();
      const result = answer(message, request.headers);
      const reply = result === undefined ? { error: { code: -32601, message: 'no' } } : { result };
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ jsonrpc: '2.0', id: message.id, ...reply }));
    });
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

describe('the gateway by itself', () => {
  let rig: CliRig;
  let upstream: Server;
  let child: ChildProcess;
  let ended: Promise<CliResult>;
  let gateway: { servers: { id: string; url: string }[]; bearer: string; log: string };

  beforeAll(async () => {
    rig = new CliRig();
    upstream = await serveTools();
    const { port } = upstream.address() as AddressInfo;
    const policy = [
      'version: 1',
      'credentials:',
      '  - {id: token, provider: env, request: {name: REMOTE_TOKEN}, bind: [{host: api.example.com}]}',
      'mcp:',
      '  servers:',
      `    - {id: remote, url: "http://127.0.0.1:${port}/mcp", credential: token}`,
      '  allow:',
      '    - {server: remote, tools: [whoami]}',
      '    - {id: say, server: remote, tools: [echo], arguments: {text: {type: string, maxLength: 100}}, limit: 3/session}',
    ].join('\n');
    child = rig.start(['mcp', 'serve', '--json', '--policy', rig.policy(policy)], {
      REMOTE_TOKEN: SECRET,
    });
    ended = collect(child);
    let text = '';
    gateway = await new Promise((resolve, reject) => {
      child.stdout?.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text) as typeof gateway);
      });
      void ended.then(({ stderr }) => reject(new Error(stderr)));
    });
  }, 120_000);
  afterAll(async () => {
    child.kill('SIGTERM');
    await ended;
    upstream.close();
    rig.remove();
  });

  let next = 1;
  async function post(
    message: Message,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; session: string | null; body: string }> {
    const response = await fetch(gateway.servers[0]?.url ?? '', {
      method: 'POST',
      headers: {
        authorization: `Bearer ${gateway.bearer}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...headers,
      },
      body: JSON.stringify({ jsonrpc: '2.0', ...message }),
    });
    return {
      status: response.status,
      session: response.headers.get('mcp-session-id'),
      body: await response.text(),
    };
  }
  async function begin(): Promise<Record<string, string>> {
    const params = {
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: 'x', version: '1' },
    };
    const { session } = await post({ id: next++, method: 'initialize', params } as Message);
    return session === null
      ? {}
      : { 'mcp-session-id': session, 'mcp-protocol-version': '2025-11-25' };
  }
  const call = async (name: string, text: string): Promise<string> => {
    const headers = await begin();
    const params = { name, arguments: { text } };
    return (await post({ id: next++, method: 'tools/call', params }, headers)).body;
  };
  const records = (): LogRecord[] =>
    readFileSync(gateway.log, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as LogRecord);

  it('listens on the loopback and lets nobody in without its bearer', async () => {
    expect(gateway.servers[0]?.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/mcp\/remote$/);
    const before = seen.length;
    for (const authorization of ['', 'Bearer x', `Basic ${gateway.bearer}`])
      expect((await post({ id: 1, method: 'ping' }, { authorization })).status).toBe(401);
    expect(
      (await post({ id: 1, method: 'ping' }, { origin: 'https://evil.example.com' })).status,
    ).toBe(403);
    expect(seen.length).toBe(before);
  });

  it('CR1 gives the server the credential of its entry, and nothing of the agent', async () => {
    expect(await call('echo', 'hello')).toContain('hello');
    const headers: IncomingHttpHeaders = seen.at(-1)?.headers ?? {};
    expect(headers.authorization).toBe(`Bearer ${SECRET}`);
    expect(JSON.stringify(headers)).not.toContain(gateway.bearer);
  });

  it('RS10 takes the value out of what the server says', async () => {
    const body = await call('whoami', 'x');
    expect(body).not.toContain(SECRET);
    expect(body).toContain('REDACTED');
  });

  it('EX1 lets no value that lives out in an argument', async () => {
    const before = seen.filter(({ message }) => message.method === 'tools/call').length;
    expect(await call('echo', Buffer.from(SECRET).toString('base64'))).toContain('"isError":true');
    expect(seen.filter(({ message }) => message.method === 'tools/call').length).toBe(before);
  });

  it('RL2 counts over all sessions, and says which rule it was', async () => {
    const bodies = [await call('echo', 'a'), await call('echo', 'b'), await call('echo', 'c')];
    expect(bodies.filter((body) => body.includes('"isError":true')).length).toBeGreaterThan(0);
    expect(bodies.at(-1)).toContain('repo/say');
    const told = seen.filter(({ message }) => message.params?.name === 'echo');
    expect(told.length).toBeLessThanOrEqual(3);
  });

  it('records who asked for what, and no value', async () => {
    await call('danger', 'THE-ARGUMENT');
    const text = JSON.stringify(records());
    expect(text).not.toContain(SECRET);
    expect(text).not.toContain(gateway.bearer);
    expect(text).not.toContain('THE-ARGUMENT');
    const types = new Set(records().map(({ type }) => type));
    expect([...types]).toEqual(
      expect.arrayContaining(['session.start', 'decision', 'credential.mint', 'credential.inject']),
    );
    expect(records()).toContainEqual(
      expect.objectContaining({ request: 'tool remote/danger', effect: 'deny' }),
    );
  });

  it('ends its log when it is told to stop', async () => {
    child.kill('SIGTERM');
    expect((await ended).code).toBe(0);
    const verified = await rig.cli(['log', 'verify', join(gateway.log, '..')]);
    expect(verified.stdout + verified.stderr).toContain('ok');
  });
});
