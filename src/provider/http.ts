// How providers and the identity reach their servers.
// Invariant: a secret in a request goes to the host in its URL and to no other, and no byte of an answer is in an error.

import { type LookupFunction, type Socket, connect as connectTcp, isIP } from 'node:net';
import {
  type SecureContext,
  connect as connectTls,
  createSecureContext,
  rootCertificates,
} from 'node:tls';
import type { Client, buildConnector } from 'undici';

import { SandboxError, errnoOf } from '../model/error.ts';

export interface HttpRequest {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `https:`; `http:` only to a loopback address */
  url: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal;
}

export interface HttpResponse {
  status: number;
  /** lower-case names */
  headers: Record<string, string>;
  body: string;
}

/** Follows no redirect; throws a `SandboxError` of kind `upstream` for those, for anything too long, and when time is up. */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpClientOptions {
  /** certificates in PEM, believed besides Node's own list */
  ca?: readonly string[];
  /** believed in place of Node's list and `ca`, where the caller has made one already */
  secureContext?: SecureContext;
  /** a connected socket to `host`, e.g. through the host's own proxy; not asked for loopback */
  dial?: (host: string, port: number) => Promise<Socket>;
  /** milliseconds for a whole exchange; 15 000 unless said */
  timeout?: number;
  /** of an answer's body; 1 MiB unless said */
  maxBytes?: number;
}

const TIMEOUT = 15_000;
const MAX_BYTES = 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|localhost)$/;

export function createHttpClient(options: HttpClientOptions = {}): HttpClient {
  const { timeout = TIMEOUT, maxBytes = MAX_BYTES } = options;
  const connect = connector(options, timeout);
  return async (request) => {
    const url = readUrl(request.url);
    const undici = await import('undici');
    const end = endOf(timeout, request.signal);
    // A connection of its own for each request: none is kept, or hangs in the next one's way.
    const client = new undici.Client(url.origin, {
      connect,
      pipelining: 0,
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: timeout,
      bodyTimeout: timeout,
    });
    try {
      // What is still dialling or shaking hands hears of no signal: it is left behind.
      return await Promise.race([exchange(client, url, request, { maxBytes, end }), end.reached]);
    } catch (error) {
      if (error instanceof SandboxError) throw error;
      if (end.why() === 'time') throw fault(url, `took longer than ${timeout / 1000} s`);
      if (end.why() === 'caller') throw fault(url, 'was not asked to the end: the session is over');
      // The message and the fields of an error may quote the answer; its code is Node's or undici's own.
      throw fault(url, `did not answer (${codeOf(error)})`);
    } finally {
      end.release();
      // Not waited for: a dialler that never answers would be waited for with it.
      client.destroy().catch(() => undefined);
    }
  };
}

interface End {
  signal: AbortSignal;
  /** rejects when it comes */
  reached: Promise<never>;
  why(): 'time' | 'caller' | undefined;
  release(): void;
}

/** The end of an exchange: its time, or its caller's. */
function endOf(timeout: number, caller: AbortSignal | undefined): End {
  const controller = new AbortController();
  let why: 'time' | 'caller' | undefined;
  const come = (reason: 'time' | 'caller'): void => {
    why ??= reason;
    controller.abort();
  };
  const reached = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => reject(new Error('over')), { once: true });
  });
  reached.catch(() => undefined); // it may come when nobody waits any more
  const timer = setTimeout(() => come('time'), timeout);
  const onCaller = (): void => come('caller');
  if (caller?.aborted === true) onCaller();
  caller?.addEventListener('abort', onCaller, { once: true });
  return {
    signal: controller.signal,
    reached,
    why: () => why,
    release: () => {
      clearTimeout(timer);
      caller?.removeEventListener('abort', onCaller);
    },
  };
}

async function exchange(
  client: Client,
  url: URL,
  request: HttpRequest,
  { maxBytes, end }: { maxBytes: number; end: End },
): Promise<HttpResponse> {
  const answer = await client.request({
    path: `${url.pathname}${url.search}`,
    method: request.method,
    headers: { 'accept-encoding': 'identity', 'user-agent': 'agent-sandbox', ...request.headers },
    body: request.body ?? null,
    signal: end.signal,
  });
  // Ending it early is an error to it, which is nobody's then.
  answer.body.on('error', () => undefined);
  if (answer.statusCode >= 300 && answer.statusCode < 400)
    throw fault(url, `redirects with ${answer.statusCode}, and redirects are not followed`);
  return {
    status: answer.statusCode,
    headers: readHeaders(answer.headers),
    body: await readBody(answer.body, maxBytes, url),
  };
}

function readUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.username !== '' || url.password !== '' || url.hash !== '')
    throw new SandboxError({
      kind: 'usage',
      code: 'PROVIDER_URL',
      message: 'expected the URL of a server, without a name, password or fragment in it',
    });
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname)))
    return url;
  throw new SandboxError({
    kind: 'usage',
    code: 'PROVIDER_URL',
    message: `expected https for '${url.host}', got ${url.protocol.replace(':', '')}`,
    hint: 'secrets travel over https; http is for loopback addresses only',
  });
}

function connector(options: HttpClientOptions, timeout: number): buildConnector.connector {
  let context = options.secureContext;
  return (target, callback) => {
    const { hostname, protocol } = target;
    const port = Number(target.port) || (protocol === 'https:' ? 443 : 80);
    const host = hostname.replace(/^\[|\]$/g, '');
    const isLocal = LOOPBACK.test(hostname) || LOOPBACK.test(`[${hostname}]`);
    const open =
      options.dial === undefined || isLocal ? dialDirectly(host, port) : options.dial(host, port);
    open.then(
      (socket) => {
        if (protocol !== 'https:') return callback(null, socket);
        context ??= createSecureContext({
          ca: [...rootCertificates, ...(options.ca ?? [])],
          minVersion: 'TLSv1.2',
        });
        const secure = connectTls({
          socket,
          secureContext: context,
          host, // the name, or address, that the certificate must stand for
          ...(isIP(host) === 0 && { servername: host }),
          ALPNProtocols: ['http/1.1'],
          rejectUnauthorized: true, // whatever NODE_TLS_REJECT_UNAUTHORIZED says
        });
        secure.setTimeout(timeout, () => secure.destroy(new Error('no handshake')));
        secure.once('secureConnect', () => callback(null, secure.setTimeout(0)));
        secure.once('error', (error: Error) => callback(error, null));
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error('no dial'), null),
    );
  };
}

/** `localhost` is loopback, whatever the resolver says. */
const LOCALHOST: LookupFunction = (_host, { all }, done) => {
  const addresses = [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ];
  if (all === true) done(null, addresses);
  else done(null, '127.0.0.1', 4);
};

function dialDirectly(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host,
      port,
      autoSelectFamily: true,
      ...(host === 'localhost' && { lookup: LOCALHOST }),
    });
    socket.once('connect', () => resolve(socket));
    socket.once('error', reject);
  });
}

function readHeaders(
  headers: Record<string, string | string[] | undefined>,
): Record<string, string> {
  const read = Object.entries(headers).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    Array.isArray(value) ? value.join(', ') : (value ?? ''),
  ]);
  return Object.fromEntries(read);
}

async function readBody(body: AsyncIterable<Buffer>, maxBytes: number, url: URL): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) throw fault(url, `answers with more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function fault(url: URL, what: string): SandboxError {
  return new SandboxError({
    kind: 'upstream',
    code: 'PROVIDER_UNREACHABLE',
    message: `${url.host} ${what}`,
  });
}

function codeOf(error: unknown): string {
  const code = errnoOf(error) ?? '';
  return /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'broken connection';
}
