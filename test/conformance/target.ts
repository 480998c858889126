// A gateway in front of a server, for programs that bring no bearer: what they send gets it on the way, and nothing else is changed.
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

import { createGateway } from '../../src/enforce/mcp/gateway.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { createQuotas } from '../../src/enforce/quotas.ts';
import type { GatewayOptions } from '../../src/enforce/mcp/options.ts';
import type { Upstream } from '../../src/enforce/mcp/upstream.ts';
import { firstSeenPins, passContent, rules } from '../support/mcp/fakes.ts';

const BEARER = 'bearer-of-the-suite';

export interface Target {
  url: string;
  close(): Promise<void>;
}

export type Parts = Pick<GatewayOptions, 'decide' | 'content' | 'pins'>;

/** All is open, and contents and pins are not looked at. */
export const openParts = (): Parts => ({
  decide: rules(() => true),
  content: passContent,
  pins: firstSeenPins(),
});

export async function startTarget(upstream: Upstream, parts: Parts): Promise<Target> {
  const log = { append: () => ({ seq: 0, id: '' }) };
  const names: string[] = [];
  const gateway = createGateway({
    ...parts,
    servers: [{ id: 'fixture', upstream }],
    point: createPoint({ decide: parts.decide, log, mode: 'enforce' }),
    mode: 'enforce',
    quotas: createQuotas(),
    isTemplateOpen: () => true,
    bearer: BEARER,
    names,
    digestKey: Buffer.alloc(32, 1),
  });
  const inner = net.createServer({ noDelay: true }, (socket) => gateway.serve(socket));
  inner.listen(0, '127.0.0.1');
  await once(inner, 'listening');
  const innerPort = (inner.address() as AddressInfo).port;
  const agent = new http.Agent({ keepAlive: true });
  const front = http.createServer((request, response) => {
    const { method, url: path = '', headers } = request;
    const given = { ...headers, authorization: `Bearer ${BEARER}` };
    const relayed = http.request({
      port: innerPort,
      host: '127.0.0.1',
      method,
      path,
      agent,
      headers: given,
    });
    relayed.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    relayed.on('error', () => response.destroy());
    response.on('close', () => relayed.destroy());
    request.pipe(relayed);
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const { port } = front.address() as AddressInfo;
  names.push(`localhost:${port}`, `127.0.0.1:${port}`);
  return {
    url: `http://localhost:${port}/mcp/fixture`,
    close: async () => {
      front.closeAllConnections();
      front.close();
      await gateway.close();
      inner.close();
    },
  };
}
