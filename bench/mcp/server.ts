// The tool server behind every way of the bench, as cheap as it can be: `node bench-mcp-server.js http` prints its port, with `stdio` it
// speaks over its standard streams. `echo` answers with its argument `text`, `give` with as many characters as its argument `length`.

import http from 'node:http';
import type { AddressInfo } from 'node:net';

import { textOf } from './text.ts';

interface Message {
  id?: number | string;
  method?: string;
  params?: { name?: string; arguments?: { text?: string; length?: number } };
}

const texts = new Map<number, string>();

function given(length: number): string {
  const text = texts.get(length) ?? textOf(length);
  texts.set(length, text);
  return text;
}

const TOOLS = [
  {
    name: 'echo',
    description: 'Says what it is told.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
  },
  {
    name: 'give',
    description: 'Gives a text.',
    inputSchema: { type: 'object', properties: { length: { type: 'integer' } } },
  },
];

function answer(bytes: string): string | undefined {
  const { id, method, params } = JSON.parse(bytes) as Message;
  if (id === undefined) return undefined;
  const reply = (body: object): string => JSON.stringify({ jsonrpc: '2.0', id, ...body });
  if (method === 'initialize')
    return reply({
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: {} },
        serverInfo: { name: 'bench', version: '1' },
      },
    });
  if (method === 'tools/list') return reply({ result: { tools: TOOLS } });
  if (method === 'ping') return reply({ result: {} });
  if (method !== 'tools/call')
    return reply({ error: { code: -32601, message: 'Method not found' } });
  const { text, length } = params?.arguments ?? {};
  return reply({ result: { content: [{ type: 'text', text: text ?? given(length ?? 0) }] } });
}

function serveHttp(): void {
  const server = http.createServer({ noDelay: true }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method !== 'POST') return response.writeHead(405).end();
      const text = answer(Buffer.concat(chunks).toString());
      if (text === undefined) return response.writeHead(202).end();
      return response
        .writeHead(200, {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(text),
        })
        .end(text);
    });
  });
  server.keepAliveTimeout = 300_000;
  server.listen(0, '127.0.0.1', () => {
    process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
  });
  // Dies with the bench.
  process.stdin.on('end', () => process.exit()).resume();
}

function serveStdio(): void {
  let lines: Buffer[] = [];
  process.stdin.on('data', (chunk: Buffer) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      lines.push(chunk.subarray(start, end));
      const text = answer(Buffer.concat(lines).toString());
      if (text !== undefined) process.stdout.write(`${text}\n`);
      lines = [];
      start = end + 1;
    }
    lines.push(chunk.subarray(start));
  });
  process.stdin.on('end', () => process.exit());
}

if (process.argv[2] === 'http') serveHttp();
else serveStdio();
