// A plain relay of bytes in Node, what passing through is compared with: `node bench-egress-relay.js ORIGIN_PORT` prints its port.

import net from 'node:net';
import type { AddressInfo } from 'node:net';

const [originPort = ''] = process.argv.slice(2);
const server = net.createServer({ noDelay: true }, (client) => {
  const upstream = net.connect({ host: '127.0.0.1', port: Number(originPort), noDelay: true });
  client.pipe(upstream);
  upstream.pipe(client);
  for (const [side, other] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    side.on('error', () => other.destroy());
    side.on('close', () => other.destroy());
  }
});
server.listen(0, '127.0.0.1', 2048, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port}\n`);
});
process.stdin.on('end', () => process.exit()).resume();
