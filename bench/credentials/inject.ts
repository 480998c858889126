// What a credential adds to a request that is judged anyway: the same requests on kept connections in turn, with a placeholder and
// without, the host side in this process.

import http from 'node:http';
import tls from 'node:tls';

import { createCredentialRig } from '../../test/support/credential-rig.ts';
import type { CredentialRig } from '../../test/support/credential-rig.ts';
import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';

const REQUESTS = 300;
/** milliseconds */
const MOST = 0.3;

const POLICY = `
network:
  allow: [{host: cred.test, methods: [GET]}]
credentials:
  - {id: app, provider: env, request: {name: APP}, expose: {env: [APP_TOKEN]}, bind: [{host: cred.test}]}
`;

export async function measureInjection(settings: Settings): Promise<Row[]> {
  settings.say('credentials put into requests');
  const [bound, bare] = [await openClient(false), await openClient(true)];
  try {
    const token = { authorization: `Bearer ${bound.rig.env['APP_TOKEN'] ?? ''}` };
    const plain: number[] = [];
    const injected: number[] = [];
    for (let count = 0; count < REQUESTS * Math.max(1, settings.rounds); count++) {
      plain.push(await timed(bare.agent, token));
      injected.push(await timed(bound.agent, token));
    }
    const without = median(plain);
    const added = median(injected) - without;
    return [
      {
        group: 'credentials',
        name: 'a credential put into a judged request, added at the median',
        unit: 'ms',
        ours: added,
        rivals: [{ name: 'the request without any', value: without }],
        target: { text: `<= ${MOST} ms`, isKept: added <= MOST },
      },
    ];
  } finally {
    for (const { agent, rig } of [bound, bare]) {
      agent.destroy();
      await rig.close();
    }
  }
}

async function openClient(isBare: boolean): Promise<{ agent: http.Agent; rig: CredentialRig }> {
  const rig = await createCredentialRig({
    policy: POLICY,
    hosts: ['cred.test'],
    origin: (_request, response) => void response.end('{"ok":true}'),
    isBare,
  });
  const plain = await rig.rig.connectByName('cred.test', 443);
  plain.setNoDelay(true);
  const socket = tls.connect({
    socket: plain,
    host: 'cred.test',
    servername: 'cred.test',
    ca: await rig.rig.egress.caPem(),
    ALPNProtocols: ['http/1.1'],
  });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  agent.createConnection = () => socket;
  return { agent, rig };
}

function timed(agent: http.Agent, headers: Record<string, string>): Promise<number> {
  const startedAt = performance.now();
  return new Promise((resolve, reject) => {
    const request = http.get(
      { agent, host: 'cred.test', path: '/a', headers: { host: 'cred.test', ...headers } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(performance.now() - startedAt));
      },
    );
    request.on('error', reject);
  });
}
