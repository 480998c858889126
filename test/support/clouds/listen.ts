// A server of a cloud that does not exist: real HTTP on the loopback, one handler, all requests kept.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

export interface CloudRequest {
  method: string;
  /** as sent */
  target: string;
  path: string;
  /** without the `?` */
  query: string;
  /** as sent, in order */
  fields: [string, string][];
  headers: http.IncomingHttpHeaders;
  body: Buffer;
}

export interface CloudAnswer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

export interface Cloud {
  url: string;
  port: number;
  requests: CloudRequest[];
  close: () => Promise<void>;
}

/** `tls`: key and certificate in PEM; plain HTTP without. */
export async function listen(
  handle: (request: CloudRequest) => CloudAnswer | Promise<CloudAnswer>,
  tls?: { key: string; cert: string },
): Promise<Cloud> {
  const requests: CloudRequest[] = [];
  const onRequest: http.RequestListener = (incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const target = incoming.url ?? '/';
      const [path = '', ...query] = target.split('?');
      const fields: [string, string][] = [];
      for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2)
        fields.push([incoming.rawHeaders[i] ?? '', incoming.rawHeaders[i + 1] ?? '']);
      const request = {
        method: incoming.method ?? '',
        target,
        path,
        query: query.join('?'),
        fields,
        headers: incoming.headers,
        body: Buffer.concat(chunks),
      };
      requests.push(request);
      void Promise.resolve(handle(request)).then(
        (answer) => response.writeHead(answer.status, answer.headers ?? {}).end(answer.body ?? ''),
        (error: unknown) => response.writeHead(500).end(String(error)),
      );
    });
  };
  const server = tls ? https.createServer(tls, onRequest) : http.createServer(onRequest);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`,
    port,
    requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

export function jsonAnswer(status: number, body: unknown): CloudAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

/** The fields of a form, each once; undefined for any other body. */
export function formOf({ headers, body }: CloudRequest): Record<string, string> | undefined {
  if (!/^application\/x-www-form-urlencoded(?:;|$)/.test(headers['content-type'] ?? ''))
    return undefined;
  const pairs = [...new URLSearchParams(body.toString())];
  const fields = Object.fromEntries(pairs);
  return Object.keys(fields).length === pairs.length ? fields : undefined;
}

export function bodyOf({ headers, body }: CloudRequest): Record<string, unknown> | undefined {
  if (!/^application\/json(?:;|$)/.test(headers['content-type'] ?? '')) return undefined;
  try {
    return JSON.parse(body.toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
