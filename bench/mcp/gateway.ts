// The program's own gateway in a process of its own, on the loopback where an agent would reach it over the mux: with the policy, the
// decisions, the hashed log, the contents searched for live values and the pins of a session. `node bench-mcp-gateway.js POLICY FOLDER
// BEARER UPSTREAM...` prints its port once the server has told what it has. UPSTREAM: a URL, or a command.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';

import { createContent } from '../../src/enforce/mcp/content/create-content.ts';
import { createGateway } from '../../src/enforce/mcp/gateway.ts';
import { createPins } from '../../src/enforce/mcp/pins/create-pins.ts';
import { createRemoteUpstream } from '../../src/enforce/mcp/remote/remote.ts';
import type { ServerProcess } from '../../src/enforce/mcp/stdio/server-process.ts';
import { createStdioUpstream } from '../../src/enforce/mcp/stdio/stdio.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { createQuotas } from '../../src/enforce/quotas.ts';
import { createScanner } from '../../src/enforce/scan/scanner.ts';
import { Secret } from '../../src/model/secret.ts';
import { createDecider } from '../../src/policy/decide.ts';
import { asStream } from '../../test/support/as-stream.ts';
import { openBenchSession } from '../session.ts';

/** credentials of a session, each of which is looked for in every message */
const LIVE_VALUES = 20;
const SERVER = 'bench';

const [file = '', folder = '', bearer = '', ...upstream] = process.argv.slice(2);

const { policy, log } = openBenchSession(file, folder);
const known = createScanner();
for (let count = 0; count < LIVE_VALUES; count++)
  known.add({
    credential: `c${count}`,
    secret: new Secret(`ghp_${randomBytes(18).toString('hex')}`),
    replacement: 'PLACEHOLDER',
  });
const decide = createDecider(policy);
const key = randomBytes(32);
const server = net.createServer({ noDelay: true });
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address() as AddressInfo;
const gateway = createGateway({
  servers: [{ id: SERVER, upstream: openUpstream(upstream) }],
  point: createPoint({ decide, log, mode: policy.mode }),
  decide,
  mode: policy.mode,
  quotas: createQuotas(),
  isTemplateOpen: () => true,
  content: createContent({ known, secrets: { arguments: 'block', results: 'redact' }, key }),
  pins: createPins({}),
  bearer,
  names: [`127.0.0.1:${port}`],
  digestKey: key,
});
server.on('connection', (socket) => gateway.serve(asStream(socket)));
const { fault } = await gateway.start(SERVER);
if (fault !== undefined) throw new Error(fault);
process.stdout.write(`${port}\n`);
process.stdin.on('end', () => process.exit()).resume();

function openUpstream([first = '', ...rest]: string[]): ReturnType<typeof createRemoteUpstream> {
  if (first.startsWith('http:')) return createRemoteUpstream({ url: first });
  return createStdioUpstream({
    spawn: () => Promise.resolve(startServer(first, rest)),
    onStderr: () => undefined,
    onGarbage: () => undefined,
  });
}

function startServer(program: string, args: string[]): ServerProcess {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    exited: once(child, 'exit').then(() => undefined),
    kill: () => void child.kill('SIGKILL'),
  };
}
