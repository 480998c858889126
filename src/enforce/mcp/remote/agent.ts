// Connections to one tool server: dialled by whoever judges addresses, with TLS on top where the URL says so.

import type { Agent, ClientRequestArgs } from 'node:http';
import type { Duplex } from 'node:stream';

import type { RemoteOptions } from './options.ts';

const http = process.getBuiltinModule('node:http');
const https = process.getBuiltinModule('node:https');

const MOST_CONNECTIONS = 64;

export function createAgent(url: URL, options: RemoteOptions): Agent {
  const settings = {
    keepAlive: true,
    noDelay: true,
    maxSockets: options.connections ?? MOST_CONNECTIONS,
    scheduling: 'lifo' as const,
  };
  const { connect, secureContext } = options;
  const isTls = url.protocol === 'https:';
  const agent = isTls
    ? new https.Agent({ ...settings, ...(secureContext && { secureContext }) })
    : new http.Agent(settings);
  if (connect === undefined) return agent;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? (isTls ? 443 : 80) : Number(url.port);
  agent.createConnection = (
    _args: ClientRequestArgs,
    ready?: (error: Error | null, stream: Duplex) => void,
  ): undefined => {
    connect(host, port).then(
      (socket) => {
        endWithPeer(socket);
        if (!isTls) {
          ready?.(null, socket);
          return;
        }
        const tls = process.getBuiltinModule('node:tls');
        const isName = /[a-z]/i.test(host) && !host.includes(':');
        const secured = tls.connect({
          socket,
          host,
          ALPNProtocols: ['http/1.1'],
          ...(isName && { servername: host }),
          ...(secureContext && { secureContext }),
        });
        endWithPeer(secured);
        secured.once('error', (error: Error) => ready?.(error, secured));
        secured.once('secureConnect', () => ready?.(null, secured));
      },
      (error: unknown) =>
        ready?.(error instanceof Error ? error : new Error('no connection'), null as never),
    );
    return undefined;
  };
  return agent;
}

/** A half-open connection between two calls is one whose end nobody would see: the next call would wait on it for ever. */
function endWithPeer(stream: Duplex): void {
  stream.once('end', () => stream.end());
}
