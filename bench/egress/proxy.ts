// The program's own egress in a process of its own, reached over TCP where a guest would reach it over the mux: with the
// policy, the decisions and the hashed log of a session. `node bench-egress-proxy.js POLICY ORIGIN_PORT CA FOLDER AUTHORITY
// [NAME]` prints its port and writes its authority to the file AUTHORITY. What connects there speaks to the proxy (CONNECT, as
// the rivals'), or, with a NAME, goes to the address that the guest's resolver has for it, as most connections do.

import { readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import type { AddressInfo } from 'node:net';

import { createEgress } from '../../src/enforce/egress/egress.ts';
import { PROXY_PORT } from '../../src/enforce/egress/name-answers.ts';
import { PROXY_ADDRESS } from '../../src/enforce/egress/synthetic.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { asStream } from '../../test/support/as-stream.ts';
import { openBenchSession } from '../session.ts';
import { dnsQuery, readDnsAnswer } from '../../test/support/dns.ts';

/** What the origin's name leads to, in words: the loopback itself is refused, as it should be. */
const PUBLIC = '93.184.216.34';
const [file = '', originPort = '', ca = '', folder = '', authority = '', name] =
  process.argv.slice(2);

const { policy, log } = openBenchSession(file, folder);
const egress = createEgress({
  point: createPoint({ decide: createDecider(policy), log, mode: policy.mode }),
  policy,
  ca: [readFileSync(ca, 'utf8')],
  lookup: () => Promise.resolve([PUBLIC]),
  dial: () =>
    net.connect({
      host: '127.0.0.1',
      port: Number(originPort),
      allowHalfOpen: true,
      noDelay: true,
    }),
  onFault: (reason) => process.stderr.write(`fault: ${reason}\n`),
});
writeFileSync(authority, await egress.caPem());
const destination =
  name === undefined
    ? { address: PROXY_ADDRESS, port: PROXY_PORT }
    : { address: await resolve(name), port: Number(originPort) };
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
  socket.on('error', () => undefined);
  egress.onConnect(destination, asStream(socket));
});
server.listen(0, '127.0.0.1', 2048, () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${port}\n`);
});
process.stdin.on('end', () => process.exit()).resume();

async function resolve(host: string): Promise<string> {
  const [address] = readDnsAnswer(await egress.onDns(dnsQuery(host, 1))).addresses;
  if (address === undefined) throw new Error(`${host} has no address`);
  return address;
}
