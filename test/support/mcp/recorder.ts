// A tool server over HTTP that remembers every message it got and answers as a test tells it: the oracle of what was let through.
import { once } from 'node:events';
import http from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Json = Record<string, unknown>;

export interface Recorded {
  method: string;
  headers: IncomingHttpHeaders;
  message: Json;
  raw: string;
}

export interface Exchange {
  message: Json;
  headers: IncomingHttpHeaders;
  response: ServerResponse;
  /** `{result}` or `{error}` for the id of the message */
  answer: (body: Json) => void;
  /** one event of the stream; begins it */
  event: (message: Json) => void;
  raw: (text: string) => void;
  end: () => void;
}

export interface Recorder {
  url: string;
  /** every message that came by POST */
  received: Recorded[];
  /** messages with this method */
  of(method: string): Recorded[];
  /** what answers a method; `undefined` for the answer that a plain server gives */
  on(method: string, answer: (exchange: Exchange) => void): void;
  /** streams that a GET opened */
  streams: ServerResponse[];
  ends: number;
  tools: Json[];
  prompts: Json[];
  resources: Json[];
  capabilities: Json;
  instructions: string | undefined;
  eras: ('legacy' | 'modern')[];
  close(): Promise<void>;
}

const ECHO = {
  name: 'echo',
  description: 'Says it again',
  inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
};

export async function createRecorder(): Promise<Recorder> {
  const handlers = new Map<string, (exchange: Exchange) => void>();
  const recorder: Recorder = {
    url: '',
    received: [],
    of: (method) => recorder.received.filter(({ message }) => message['method'] === method),
    on: (method, answer) => void handlers.set(method, answer),
    streams: [],
    ends: 0,
    tools: [ECHO, { ...ECHO, name: 'danger' }, { ...ECHO, name: 'create_issue' }],
    prompts: [{ name: 'hello' }],
    resources: [{ uri: 'file:///workspace/a', name: 'a' }],
    capabilities: {
      tools: { listChanged: true },
      prompts: {},
      resources: { subscribe: true },
      logging: {},
      completions: {},
      tasks: { list: {} },
      experimental: { x: {} },
    },
    instructions: undefined,
    eras: ['legacy', 'modern'],
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  const server = http.createServer((request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      recorder.streams.push(response);
      return;
    }
    if (request.method === 'DELETE') {
      recorder.ends += 1;
      response.end();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const raw = Buffer.concat(chunks).toString();
      const message = JSON.parse(raw) as Json;
      recorder.received.push({
        method: request.method ?? '',
        headers: request.headers,
        message,
        raw,
      });
      const exchange = exchangeOf(message, request.headers, response);
      const handler = handlers.get(String(message['method']));
      if (handler !== undefined) handler(exchange);
      else answerPlainly(recorder, exchange);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  recorder.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`;
  return recorder;
}

function exchangeOf(
  message: Json,
  headers: IncomingHttpHeaders,
  response: ServerResponse,
): Exchange {
  const begin = (): void => {
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  };
  return {
    message,
    headers,
    response,
    answer: (body) => {
      const text = JSON.stringify({ jsonrpc: '2.0', id: message['id'], ...body });
      if (response.headersSent) response.end(`data: ${text}\n\n`);
      else response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    },
    event: (body) => {
      begin();
      response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', ...body })}\n\n`);
    },
    raw: (text) => {
      begin();
      response.write(text);
    },
    end: () => void response.end(),
  };
}

function answerPlainly(recorder: Recorder, exchange: Exchange): void {
  const { message, response } = exchange;
  const params = (message['params'] ?? {}) as Json;
  const meta = (params['_meta'] ?? {}) as Json;
  const isModern = meta['io.modelcontextprotocol/protocolVersion'] !== undefined;
  if (message['id'] === undefined || message['method'] === undefined) {
    response.writeHead(202).end();
    return;
  }
  if (isModern && !recorder.eras.includes('modern')) {
    const error = { code: -32000, message: 'Bad Request: Server not initialized' };
    response.writeHead(400, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ jsonrpc: '2.0', id: null, error }));
    return;
  }
  const done = isModern ? { resultType: 'complete' } : {};
  const cached = isModern ? { ttlMs: 1000, cacheScope: 'public' } : {};
  switch (message['method']) {
    case 'initialize':
      response.setHeader('mcp-session-id', 'session-of-the-server');
      exchange.answer({
        result: {
          protocolVersion: params['protocolVersion'],
          capabilities: recorder.capabilities,
          serverInfo: { name: 'recorder', version: '1' },
          ...(recorder.instructions !== undefined && { instructions: recorder.instructions }),
        },
      });
      return;
    case 'server/discover':
      exchange.answer({
        result: {
          ...done,
          ...cached,
          supportedVersions: ['2026-07-28', '2025-11-25'],
          capabilities: recorder.capabilities,
          _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'recorder', version: '1' } },
        },
      });
      return;
    case 'tools/list':
      exchange.answer({ result: { ...done, ...cached, tools: recorder.tools } });
      return;
    case 'prompts/list':
      exchange.answer({ result: { ...done, ...cached, prompts: recorder.prompts } });
      return;
    case 'resources/list':
      exchange.answer({ result: { ...done, ...cached, resources: recorder.resources } });
      return;
    case 'resources/templates/list':
      exchange.answer({ result: { ...done, ...cached, resourceTemplates: [] } });
      return;
    case 'tools/call': {
      const args = (params['arguments'] ?? {}) as Json;
      exchange.answer({
        result: { ...done, content: [{ type: 'text', text: `said: ${String(args['text'])}` }] },
      });
      return;
    }
    default:
      exchange.answer({ result: { ...done } });
  }
}
