// A server on loopback that is several vendors at once, by the names in their URLs: real TLS, with the client under test.

import { createServer } from 'node:https';
import { type AddressInfo, type Socket, connect } from 'node:net';

import { type HttpClient, createHttpClient } from '../../../src/provider/http.ts';
import { createCertificate } from '../certificate.ts';

export interface CloudRequest {
  method: string;
  host: string;
  /** as it was sent, without the query */
  path: string;
  query: URLSearchParams;
  /** lower-case names */
  headers: Record<string, string | undefined>;
  body: string;
}

export interface CloudAnswer {
  status: number;
  headers?: Record<string, string>;
  /** anything but a text is sent as JSON */
  body?: unknown;
}

export interface Fake {
  /** names it answers for */
  hosts: readonly [string, ...string[]];
  /** may throw: 500 */
  answer(request: CloudRequest): CloudAnswer | Promise<CloudAnswer>;
}

export interface Cloud {
  http: HttpClient;
  /** all that came, in order */
  requests: CloudRequest[];
  /** `HOST:PORT` of each connection that was asked for */
  dialled: string[];
  /** PEM of what the server proves itself with */
  ca: string;
  port: number;
  /** answers in place of the fakes, while it is set */
  instead?: ((request: CloudRequest) => CloudAnswer | undefined) | undefined;
  close(): Promise<void>;
}

export async function startCloud(...fakes: Fake[]): Promise<Cloud> {
  const byHost = new Map(fakes.flatMap((fake) => fake.hosts.map((host) => [host, fake] as const)));
  const names = ['elsewhere.example', ...byHost.keys()] as const;
  const { key, cert } = createCertificate(names);
  const requests: CloudRequest[] = [];
  const dialled: string[] = [];
  const server = createServer({ key, cert }, (incoming, outgoing) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const host = (incoming.headers.host ?? '').replace(/:\d+$/, '');
      const url = new URL(`https://${host}${incoming.url ?? '/'}`);
      const request: CloudRequest = {
        method: incoming.method ?? '',
        host,
        path: url.pathname,
        query: url.searchParams,
        headers: incoming.headers as Record<string, string | undefined>,
        body: Buffer.concat(chunks).toString(),
      };
      requests.push(request);
      void Promise.resolve()
        .then(() => cloud.instead?.(request) ?? byHost.get(host)?.answer(request))
        .catch((error: unknown): CloudAnswer => ({ status: 500, body: String(error) }))
        .then((answer = { status: 404 }) => {
          const { status, headers, body } = answer;
          const text = typeof body === 'string' ? body : JSON.stringify(body ?? {});
          outgoing.writeHead(status, { 'content-type': 'application/json', ...headers });
          outgoing.end(status === 204 ? undefined : text);
        });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const dial = (host: string, asked: number): Promise<Socket> => {
    dialled.push(`${host}:${asked}`);
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('connect', () => resolve(socket));
      socket.once('error', reject);
    });
  };
  const cloud: Cloud = {
    http: createHttpClient({ ca: [cert], dial, timeout: 5_000 }),
    requests,
    dialled,
    ca: cert,
    port,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return cloud;
}

/** What a vendor answers to what it does not accept; `why` shows in a failing test. */
export function refuse(status: number, why: string): CloudAnswer {
  return { status, body: { message: why } };
}

export function bearerOf({ headers }: CloudRequest): string | undefined {
  return /^Bearer (\S+)$/.exec(headers['authorization'] ?? '')?.[1];
}

export function jsonOf({ headers, body }: CloudRequest): Record<string, unknown> | undefined {
  if (!(headers['content-type'] ?? '').startsWith('application/json')) return undefined;
  const value = JSON.parse(body) as unknown;
  return typeof value === 'object' && value !== null
    ? (value as Record<string, unknown>)
    : undefined;
}

export function formOf({ headers, body }: CloudRequest): Record<string, string> | undefined {
  if (headers['content-type'] !== 'application/x-www-form-urlencoded') return undefined;
  const form = new URLSearchParams(body);
  const isOnce = new Set(form.keys()).size === [...form.keys()].length;
  return isOnce ? Object.fromEntries(form) : undefined;
}
