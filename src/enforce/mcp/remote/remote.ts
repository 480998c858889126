// A tool server over Streamable HTTP. Follows no redirect, looks for no authorization server, sends nothing of the agent's headers, and
// hands over nothing of an answer but its messages. Each exchange has a signal of its own, so that none outlives it.

import type { Agent, IncomingMessage } from 'node:http';

import { urlToHttpOptions } from 'node:url';

import type { JsonObject } from '../../../model/credential.ts';
import { SandboxError } from '../../../model/error.ts';
import type { Upstream, UpstreamAnswer, UpstreamCall, UpstreamEvent } from '../upstream.ts';
import { createEventStreamReader } from './event-stream.ts';
import { createAgent } from './agent.ts';
import type { Headers, RemoteOptions } from './options.ts';

export type { Headers, RemoteOptions } from './options.ts';

const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

const LIMIT = 16 * 1024 * 1024;
const HEAD_TIME = 600_000;
/** in milliseconds: a stream that has said all may end by itself, and its connection be used again */
const REST_TIME = 1_000;
const ACCEPT = 'application/json, text/event-stream';

export function createRemoteUpstream(options: RemoteOptions): Upstream {
  const { limit = LIMIT, headTime = HEAD_TIME } = options;
  const url = new URL(options.url);
  const agent: Agent = createAgent(url, options);
  const place = urlToHttpOptions(url);
  const client = url.protocol === 'https:' ? https : http;

  async function exchange(
    method: 'POST' | 'GET' | 'DELETE',
    call: UpstreamCall,
    extra: Headers,
    body?: Buffer,
  ): Promise<IncomingMessage> {
    const own: Headers = [
      ...call.headers.map(([name, value]): [string, string] => [name, value]),
      ...extra,
    ];
    if (call.session !== undefined) own.push(['mcp-session-id', call.session]);
    own.push(['accept-encoding', 'identity'], ['user-agent', 'agent-sandbox']);
    const headers = options.authorize === undefined ? own : await options.authorize(own);
    if (call.signal.aborted) throw gone();
    return new Promise((resolve, reject) => {
      const request = client.request(
        {
          ...place,
          method,
          agent,
          maxHeaderSize: 65_536,
          headers: Object.fromEntries(headers),
        },
        (response) => {
          clearTimeout(timer);
          response.on('close', done);
          resolve(response);
        },
      );
      const abort = (): void => void request.destroy();
      const done = (): void => call.signal.removeEventListener('abort', abort);
      const timer = setTimeout(abort, headTime).unref();
      call.signal.addEventListener('abort', abort, { once: true });
      request.on('error', () => {
        clearTimeout(timer);
        done();
        reject(unreachable());
      });
      request.on('upgrade', (_response, socket) => socket.destroy());
      request.end(body);
    });
  }

  function answerOf(response: IncomingMessage, signal: AbortSignal): UpstreamAnswer {
    const status = response.statusCode ?? 0;
    const type = (response.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
    const coding = response.headers['content-encoding'] ?? 'identity';
    const session = response.headers['mcp-session-id'];
    const isReadable = coding === 'identity';
    const kind =
      isReadable && type === 'text/event-stream' && status === 200
        ? 'stream'
        : isReadable && type === 'application/json'
          ? 'json'
          : 'none';
    if (kind === 'none') discard(response);
    return {
      status,
      kind,
      ...(typeof session === 'string' && /^[\x21-\x7e]{1,512}$/.test(session) && { session }),
      events:
        kind === 'stream'
          ? eventsOf(response, limit, signal)
          : kind === 'json'
            ? bodyOf(response, limit, signal)
            : NOTHING,
    };
  }

  return {
    async post(message: JsonObject, call) {
      const body = Buffer.from(JSON.stringify(message));
      const response = await exchange(
        'POST',
        call,
        [
          ['content-type', 'application/json'],
          ['content-length', String(body.length)],
          ['accept', ACCEPT],
        ],
        body,
      );
      return answerOf(response, call.signal);
    },
    async listen(call) {
      const { lastEventId } = call;
      const extra: Headers = [['accept', 'text/event-stream']];
      if (lastEventId !== undefined) extra.push(['last-event-id', lastEventId]);
      return answerOf(await exchange('GET', call, extra), call.signal);
    },
    async end(call) {
      discard(await exchange('DELETE', call, []));
    },
    close: () => {
      agent.destroy();
      return Promise.resolve();
    },
  };
}

async function* eventsOf(
  response: IncomingMessage,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<UpstreamEvent> {
  const reader = createEventStreamReader(limit);
  try {
    for await (const chunk of response.iterator({ destroyOnReturn: false }))
      for (const event of reader.push(chunk as Buffer)) yield event;
  } catch (error) {
    response.destroy();
    throw error instanceof RangeError ? tooLong() : broken();
  } finally {
    if (signal.aborted) response.destroy();
    else discard(response);
  }
}

async function* bodyOf(
  response: IncomingMessage,
  limit: number,
  signal: AbortSignal,
): AsyncGenerator<UpstreamEvent> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      size += (chunk as Buffer).length;
      if (size > limit) throw new RangeError();
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    response.destroy();
    throw error instanceof RangeError ? tooLong() : signal.aborted ? gone() : broken();
  }
  if (size > 0)
    yield { data: chunks.length === 1 ? (chunks[0] ?? Buffer.alloc(0)) : Buffer.concat(chunks) };
}

/** What is left is read and forgotten, for a moment. */
function discard(response: IncomingMessage): void {
  if (response.complete || response.destroyed) return;
  const timer = setTimeout(() => response.destroy(), REST_TIME).unref();
  response.on('close', () => clearTimeout(timer));
  response.on('error', () => undefined);
  response.resume();
}

const NOTHING: AsyncIterable<never> = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true, value: undefined }) }),
};

// Nothing of the server's goes into these: a body or a reason may repeat the credentials that it was sent.
const fault = (code: string, message: string): SandboxError =>
  new SandboxError({ kind: 'upstream', code, message });
const gone = (): SandboxError => fault('MCP_UPSTREAM_GIVEN_UP', 'the exchange was given up');
const unreachable = (): SandboxError =>
  fault('MCP_UPSTREAM_UNREACHABLE', 'the tool server cannot be reached');
const broken = (): SandboxError =>
  fault('MCP_UPSTREAM_BROKEN', 'the answer of the tool server broke off');
const tooLong = (): SandboxError =>
  fault('MCP_UPSTREAM_LIMIT', 'the answer of the tool server is too long');
