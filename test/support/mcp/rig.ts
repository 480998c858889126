// A gateway in front of a recorder, and an agent that speaks to it over a real socket.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

import {
  createGateway,
  type Gateway,
  type GatewayOptions,
} from '../../../src/enforce/mcp/gateway.ts';
import { encodeValue } from '../../../src/enforce/mcp/http/sentinel.ts';
import type { Spend } from '../../../src/enforce/mcp/options.ts';
import {
  createRemoteUpstream,
  type RemoteOptions,
} from '../../../src/enforce/mcp/remote/remote.ts';
import { createPoint, type Point } from '../../../src/enforce/point.ts';
import { createQuotas } from '../../../src/enforce/quotas.ts';
import type { DecisionEvent, LifecycleEvent } from '../../../src/model/event.ts';
import { asStream } from '../as-stream.ts';
import { firstSeenPins, passContent, rules } from './fakes.ts';
import { createRecorder, type Json, type Recorder } from './recorder.ts';

export const BEARER = 'bearer-of-this-session';
export const HOST = 'mcp.sandbox.internal';
export const MODERN = '2026-07-28';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  text: string;
  /** every message of the answer, of one JSON text or of a stream */
  messages: Json[];
  /** the last one */
  message: Json;
}

export interface Rig {
  upstream: Recorder;
  gateway: Gateway;
  log: (DecisionEvent | LifecycleEvent)[];
  decisions(): DecisionEvent[];
  alerts(): string[];
  port: number;
  /** one HTTP request as the agent makes it; `body` as it is, or a message */
  send(body: unknown, options?: SendOptions): Promise<Answer>;
  /** opens a request whose answer is read by the test */
  open(body: unknown, options?: SendOptions): Promise<http.IncomingMessage>;
  /** begins a legacy session; its headers */
  begin(capabilities?: Json, revision?: string): Promise<Record<string, string>>;
  /** a request of a legacy session */
  legacy(
    session: Record<string, string>,
    method: string,
    params?: Json,
    id?: unknown,
  ): Promise<Answer>;
  modern(method: string, params?: Json, options?: ModernOptions): Promise<Answer>;
  raw(bytes: string | Buffer): Promise<string>;
  close(): Promise<void>;
}

export interface SendOptions {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[] | undefined>;
}

export interface ModernOptions {
  id?: unknown;
  headers?: Record<string, string | undefined>;
  meta?: Json;
}

export interface RigOptions extends Partial<Omit<GatewayOptions, 'servers' | 'point'>> {
  wrapPoint?: (point: Point) => Point;
  /** how the server `gh` is reached */
  remote?: Omit<RemoteOptions, 'url'>;
  /** where the server `files` is, where it is not the same recorder */
  filesUrl?: string;
  /** pays for what is sent to the server `gh` */
  spend?: Spend;
  /** where the agent sends what it sends; the address of the server `gh` unless said */
  path?: string;
}

export async function createRig({
  remote: way,
  filesUrl,
  spend,
  path: ownPath = '/mcp/gh',
  ...options
}: RigOptions = {}): Promise<Rig> {
  const upstream = await createRecorder();
  const log: (DecisionEvent | LifecycleEvent)[] = [];
  const decide = options.decide ?? rules(() => true);
  const mode = options.mode ?? 'enforce';
  const events = {
    append: (event: DecisionEvent | LifecycleEvent) => {
      log.push(event);
      return { seq: log.length, id: String(log.length) };
    },
  };
  const point = createPoint({ decide, log: events, mode });
  const remote = createRemoteUpstream({ url: upstream.url, ...way });
  const gateway = createGateway({
    servers: [
      { id: 'gh', upstream: remote, ...(spend && { spend }) },
      { id: 'files', upstream: createRemoteUpstream({ url: filesUrl ?? upstream.url }) },
    ],
    quotas: createQuotas(),
    isTemplateOpen: () => true,
    content: passContent,
    pins: firstSeenPins(),
    bearer: BEARER,
    names: [HOST],
    digestKey: Buffer.alloc(32, 7),
    ...options,
    point: options.wrapPoint?.(point) ?? point,
    decide,
    mode,
  });
  const server = net.createServer({ noDelay: true }, (socket) => gateway.serve(asStream(socket)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const agent = new http.Agent({ keepAlive: true });

  const open: Rig['open'] = (body, { method = 'POST', path = ownPath, headers = {} } = {}) =>
    new Promise((resolve, reject) => {
      const all: Record<string, string | string[] | undefined> = {
        host: HOST,
        authorization: `Bearer ${BEARER}`,
        accept: 'application/json, text/event-stream',
        ...(method === 'POST' && { 'content-type': 'application/json' }),
        ...headers,
      };
      const given = Object.fromEntries(
        Object.entries(all).filter(([, value]) => value !== undefined),
      );
      const request = http.request({
        port,
        host: '127.0.0.1',
        method,
        path,
        agent,
        headers: given,
      });
      request.on('response', resolve);
      request.on('error', reject);
      if (body !== undefined)
        request.end(
          typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
        );
      else request.end();
    });

  const rig: Rig = {
    upstream,
    gateway,
    log,
    port,
    decisions: () => log.filter((event): event is DecisionEvent => event.type === 'decision'),
    alerts: () =>
      log.filter(({ type }) => type === 'alert').map((event) => String(event['reason' as never])),
    open,
    send: async (body, sending) => readAnswer(await open(body, sending)),
    begin: async (capabilities = {}, revision = '2025-11-25') => {
      const clientInfo = { name: 'test', version: '1' };
      const params = { protocolVersion: revision, capabilities, clientInfo };
      const answer = await rig.send({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
      const session = answer.headers['mcp-session-id'];
      if (typeof session !== 'string')
        throw new Error(`no session: ${answer.status} ${answer.text}`);
      const headers = { 'mcp-session-id': session, 'mcp-protocol-version': revision };
      await rig.send({ jsonrpc: '2.0', method: 'notifications/initialized' }, { headers });
      return headers;
    },
    legacy: (headers, method, params, id = 1) =>
      rig.send({ jsonrpc: '2.0', id, method, ...(params && { params }) }, { headers }),
    modern: (method, params = {}, { id = 1, headers = {}, meta = {} } = {}) => {
      const name = params['name'] ?? params['uri'];
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': MODERN,
        'io.modelcontextprotocol/clientCapabilities': {},
        ...meta,
      };
      return rig.send(
        { jsonrpc: '2.0', id, method, params: { ...params, _meta } },
        {
          headers: {
            'mcp-protocol-version': MODERN,
            'mcp-method': method,
            ...(typeof name === 'string' && { 'mcp-name': encodeValue(name) }),
            ...headers,
          },
        },
      );
    },
    raw: async (bytes) => {
      const socket = net.connect(port, '127.0.0.1');
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.write(bytes);
      const wait = setTimeout(() => socket.destroy(), 1000);
      await once(socket, 'close');
      clearTimeout(wait);
      return Buffer.concat(chunks).toString('latin1');
    },
    close: async () => {
      agent.destroy();
      await gateway.close();
      server.close();
      await upstream.close();
    },
  };
  return rig;
}

export async function readAnswer(response: http.IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const messages = messagesOf(response.headers['content-type'] ?? '', text);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text,
    messages,
    message: messages[messages.length - 1] ?? {},
  };
}

function messagesOf(type: string, text: string): Json[] {
  if (type.startsWith('application/json')) return [JSON.parse(text) as Json];
  if (!type.startsWith('text/event-stream')) return [];
  return text
    .split('\n\n')
    .flatMap((event) => event.split('\n').filter((line) => line.startsWith('data: {')))
    .map((line) => JSON.parse(line.slice(6)) as Json);
}
