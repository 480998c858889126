// Speaks HTTP/1.1 with SDKs that ask their surroundings for credentials. It hands out placeholders and forwards nothing.

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { MetadataAnswer, MetadataRequest } from './message.ts';

/** what an address of link-local range cannot be anything else but: where containers of AWS find their credentials */
export const METADATA_ADDRESS = '169.254.170.2';
export const METADATA_PORT = 80;
/** Google's clients ask for this name beside the address they were given. */
export const METADATA_NAMES: ReadonlyMap<string, string> = new Map([
  ['metadata.google.internal', METADATA_ADDRESS],
]);

/** in `ms` */
const IDLE = 30_000;
const MAX_CONNECTIONS = 64;

export interface MetadataServer {
  serve(stream: Duplex): void;
  close(): void;
}

export function createMetadataServer(
  answer: (request: MetadataRequest) => MetadataAnswer,
): MetadataServer {
  const open = new Set<Duplex>();
  let server: Promise<Server> | undefined;

  async function start(): Promise<Server> {
    const { createServer } = await import('node:http');
    return createServer({ headersTimeout: IDLE, requestTimeout: IDLE }, (request, response) => {
      request.resume();
      respond(request, response, answer);
    });
  }

  return {
    serve(stream) {
      stream.on('error', () => undefined);
      if (open.size >= MAX_CONNECTIONS) {
        stream.destroy();
        return;
      }
      open.add(stream);
      const timer = setTimeout(() => stream.destroy(), IDLE);
      stream.once('close', () => {
        clearTimeout(timer);
        open.delete(stream);
      });
      (server ??= start()).then(
        (one) => void one.emit('connection', stream),
        () => stream.destroy(),
      );
    },
    close() {
      for (const stream of open) stream.destroy();
    },
  };
}

function respond(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: MetadataRequest) => MetadataAnswer,
): void {
  const [path = '/', query = ''] = split(request.url ?? '/');
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  );
  const {
    status,
    headers: fields,
    body,
  } = answer({
    method: request.method ?? 'GET',
    path,
    query,
    headers,
  });
  response.writeHead(status, {
    ...fields,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  response.end(request.method === 'HEAD' ? undefined : body);
}

function split(url: string): string[] {
  const mark = url.indexOf('?');
  return mark < 0 ? [url] : [url.slice(0, mark), url.slice(mark + 1)];
}
