// The way in for clients that were told of a proxy: CONNECT, answered after the decision, so that they can say why not.
// Invariant: what comes through here is decided like any other connection; the proxy itself allows nothing.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

import type { HttpLimits } from './limits.ts';
import { http } from './node.ts';
import { type Refusal, refusalHead, refusalText } from './refusal.ts';

export interface ProxyOptions {
  stream: Duplex;
  limits: Pick<HttpLimits, 'headerBytes' | 'headerTime'>;
  /** Carries a connection on; says through `answer` whether it may, before anything is sent on it. */
  open: (
    host: string,
    port: number,
    stream: Duplex,
    answer: (refusal: Refusal | undefined) => void,
  ) => void;
}

/** `host:port`, the host a name or an address; IPv6 in brackets. */
const AUTHORITY = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:@/?#[\]]+)):(\d{1,5})$/;

export function serveProxy({ stream, limits, open }: ProxyOptions): void {
  const server = http.createServer({ maxHeaderSize: limits.headerBytes });
  const late = setTimeout(() => stream.destroy(), limits.headerTime);
  stream.once('close', () => clearTimeout(late));
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    // Plain requests need no proxy: they are carried and judged wherever they go.
    const text =
      'agent-sandbox: this proxy takes CONNECT; send plain http requests without a proxy\n';
    response.writeHead(501, { 'content-type': 'text/plain', connection: 'close' }).end(text);
    request.resume();
  });
  server.on('connect', (request: IncomingMessage, _socket: Duplex, head: Buffer) => {
    clearTimeout(late);
    const [, v6, name, digits] = AUTHORITY.exec(request.url ?? '') ?? [];
    const host = v6 ?? name;
    if (host === undefined) {
      stream.end(refusalHead(400, 0, undefined));
      return;
    }
    if (head.length > 0) stream.unshift(head);
    open(host, Number(digits), stream, (refusal) => {
      if (refusal === undefined) {
        stream.write('HTTP/1.1 200 Connection established\r\n\r\n');
        return;
      }
      const body = Buffer.from(refusalText(refusal));
      stream.end(Buffer.concat([refusalHead(refusal.status, body.length, refusal.rule), body]));
    });
  });
  server.on('clientError', () => stream.destroy());
  server.emit('connection', stream);
}
