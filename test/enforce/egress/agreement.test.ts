// What `policy explain` says of a request is what egress does with it: random policies, random requests, real connections.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { Socket } from 'node:net';
import tls from 'node:tls';
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { PROXY_PORT } from '../../../src/enforce/egress/name-answers.ts';
import { PROXY_ADDRESS } from '../../../src/enforce/egress/synthetic.ts';
import type { EffectivePolicy } from '../../../src/model/policy.ts';
import { createDecider } from '../../../src/policy/decide.ts';
import { explain } from '../../../src/policy/explain.ts';
import { parseRequest } from '../../../src/policy/request-syntax.ts';
import { networkStacks, resolveStack } from '../../policy/random-policy.ts';
import { createCertificate } from '../../support/certificate.ts';
import { createRig } from '../../support/egress-rig.ts';
import type { Rig } from '../../support/egress-rig.ts';

const seed = Number(process.env['FUZZ_SEED'] ?? Date.now() % 2 ** 31);
const POLICIES = 50;
const REQUESTS = 200;
const AT_ONCE = 8;
const HOSTS = { 'a.dev': '20.1.2.3', 'b.dev': '20.1.2.4', 'c.test': '20.1.2.5' };
const PORTS = [80, 443, 8080];
const SEGMENTS = [
  'a',
  'b',
  'b:c',
  'A',
  '@s',
  '@s%2Fp',
  'b%3Ac',
  '%61',
  '..',
  '.',
  '%2e%2E',
  '',
  'b;x',
  'b%5c',
  'a%2fb',
];

const asks = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'POST', 'DELETE'),
  scheme: fc.constantFrom('http' as const, 'https' as const),
  host: fc.constantFrom(...(Object.keys(HOSTS) as (keyof typeof HOSTS)[]), 'a.dev', 'b.dev'),
  port: fc.constantFrom(...PORTS, 80, 443, 443),
  path: fc
    .tuple(
      fc.array(
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'b:c', '@s') },
          fc.constantFrom(...SEGMENTS),
        ),
        { maxLength: 4 },
      ),
      fc.constantFrom('', '', '', '/', '?q=/a/b'),
    )
    .map(([segments, end]) => `/${segments.join('/')}${end}`),
  isProxied: fc.boolean(),
});
type Ask = typeof asks extends fc.Arbitrary<infer A> ? A : never;

const certificate = createCertificate(['a.dev', 'b.dev', 'c.test']);

it(`does what explain says, ${POLICIES * REQUESTS} times (seed ${seed})`, async () => {
  const stacks = fc.sample(networkStacks, { seed, numRuns: POLICIES });
  const requests = fc.sample(asks, { seed, numRuns: POLICIES * REQUESTS });
  const counts = { allow: 0, deny: 0, unreadable: 0, inspected: 0 };
  for (const [i, stack] of stacks.entries())
    await compare(resolveStack(stack), requests.slice(i * REQUESTS, (i + 1) * REQUESTS), counts);
  expect(counts.allow + counts.deny + counts.unreadable).toBe(POLICIES * REQUESTS);
  for (const count of Object.values(counts)) expect(count).toBeGreaterThan(POLICIES);
});

async function compare(
  policy: EffectivePolicy,
  list: readonly Ask[],
  counts: Record<'allow' | 'deny' | 'unreadable' | 'inspected', number>,
): Promise<void> {
  const origin = createOrigin();
  const rig = await createRig({
    policy,
    ca: [certificate.cert],
    hosts: Object.fromEntries(Object.entries(HOSTS).map(([name, address]) => [name, [address]])),
  });
  const client = createClient(rig);
  try {
    for (const address of Object.values(HOSTS))
      for (const port of PORTS) await rig.serve(`${address}:${port}`, origin.onConnection);
    for (let from = 0; from < list.length; from += AT_ONCE) {
      const asked = list.slice(from, from + AT_ONCE).map((ask, i) => {
        const { expected, kind } = expectation(policy, ask);
        counts[kind] += 1;
        if (kind === 'allow' && isInspected(policy, ask)) counts.inspected += 1;
        return { ask, mark: from + i, expected };
      });
      const answers = await Promise.all(asked.map(({ ask, mark }) => client.send(ask, mark)));
      const what = JSON.stringify({ asked, policy: policy.layers.slice(1) });
      expect(answers, what).toEqual(asked.map(({ expected }) => expected));
      const allowed = asked.filter(({ expected }) => expected === 'allow');
      const reached = origin.reached.splice(0).sort((a, b) => a - b);
      expect(reached, what).toEqual(allowed.map(({ mark }) => mark));
    }
    expect(rig.faults).toEqual([]);
  } finally {
    client.close();
    await rig.close();
  }
}

function isInspected(policy: EffectivePolicy, { host, port }: Ask): boolean {
  return createDecider(policy)({ kind: 'connect', host, port }).isInspected;
}

function expectation(
  policy: EffectivePolicy,
  ask: Ask,
): { expected: 'allow' | 'deny'; kind: 'allow' | 'deny' | 'unreadable' } {
  const { method, scheme, host, port, path } = ask;
  const parsed = parseRequest(`${method} ${scheme}://${host}:${port}${path}`);
  if (parsed.request !== undefined) {
    const { effect } = explain(policy, parsed.request).decision;
    return { expected: effect, kind: effect };
  }
  // What explain cannot read is refused where requests are read, and passes where the connection is allowed as it is.
  const { effect, isInspected: isRead } = createDecider(policy)({ kind: 'connect', host, port });
  return { expected: effect === 'allow' && !isRead ? 'allow' : 'deny', kind: 'unreadable' };
}

interface Client {
  send(ask: Ask, mark: number): Promise<'allow' | 'deny'>;
  close(): void;
}

/** A guest's programs, with connections they keep: one pool for each way to each place. */
function createClient(rig: Rig): Client {
  const agents = new Map<string, http.Agent>();

  async function open({ host, port, scheme, isProxied }: Ask): Promise<Socket> {
    const socket = isProxied ? await throughProxy(host, port) : await rig.connectByName(host, port);
    if (scheme === 'http') return socket;
    const secure = tls.connect({ socket, servername: host, rejectUnauthorized: false });
    secure.on('error', () => undefined);
    return secure;
  }

  async function throughProxy(host: string, port: number): Promise<Socket> {
    const socket = await rig.connect(PROXY_ADDRESS, PROXY_PORT);
    socket.write(`CONNECT ${host}:${port} HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`);
    const [head] = (await Promise.race([once(socket, 'data'), once(socket, 'close')])) as [unknown];
    if (String(head).startsWith('HTTP/1.1 200')) return socket;
    socket.destroy();
    throw new Error(String(head).split('\r\n')[0]);
  }

  function agentFor(ask: Ask): http.Agent {
    const key = [ask.host, ask.port, ask.scheme, ask.isProxied].join(' ');
    const known = agents.get(key);
    if (known) return known;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    agent.createConnection = (_options, done) => {
      open(ask).then(
        (socket) => done?.(null, socket),
        (error: unknown) => done?.(error as Error, undefined as never),
      );
      return undefined;
    };
    agents.set(key, agent);
    return agent;
  }

  return {
    send: (ask, mark) =>
      new Promise((resolve) => {
        const { method, host, port, path } = ask;
        const headers = { host: `${host}:${port}`, 'x-mark': String(mark) };
        const request = http.request({
          agent: agentFor(ask),
          method,
          path,
          headers,
          setHost: false,
        });
        request.on('error', () => resolve('deny'));
        request.on('response', (response) => {
          response.resume();
          response.on('close', () =>
            resolve(response.headers['x-origin'] === String(mark) ? 'allow' : 'deny'),
          );
        });
        request.end();
      }),
    close() {
      for (const agent of agents.values()) agent.destroy();
    },
  };
}

/** Servers that take anything for a request, with TLS and without. */
function createOrigin(): { reached: number[]; onConnection: (socket: Socket) => void } {
  const reached: number[] = [];
  const onRequest: http.RequestListener = (request, response) => {
    const mark = Number(request.headers['x-mark']);
    reached.push(mark);
    response.setHeader('x-origin', String(mark));
    response.end();
  };
  const plain = http.createServer({ keepAliveTimeout: 60_000 }, onRequest);
  const secure = https.createServer({ ...certificate, keepAliveTimeout: 60_000 }, onRequest);
  return {
    reached,
    onConnection: (socket) =>
      socket.once('data', (chunk: Buffer) => {
        socket.pause();
        socket.unshift(chunk);
        (chunk[0] === 22 ? secure : plain).emit('connection', socket);
        process.nextTick(() => socket.resume());
      }),
  };
}
