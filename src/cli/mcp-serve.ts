// `mcp serve`: the gateway by itself, on this host's loopback, until it is interrupted.

import { createServer, type AddressInfo, type Server } from 'node:net';
import { Command, InvalidArgumentError } from 'commander';

import { toolVariables } from '../session/client-configs.ts';
import { openToolsAlone } from '../session/tools-alone.ts';
import { EXIT } from './exit-code.ts';
import { toolPlan } from './mcp-plan.ts';
import { err, json, out } from './output.ts';
import { addLayerOptions, type LayerOptions } from './policy-options.ts';

interface ServeOptions extends LayerOptions {
  port: number;
  frozen: boolean;
  logDir?: string;
}

export function serveCommand(): Command {
  const command = new Command('serve')
    .description('run the gateway by itself, for an agent outside of a sandbox')
    .option('--port <number>', 'of the loopback; 0 for any that is free', readPort, 0)
    .option('--frozen', 'refuse servers that are not what the lock file says', false)
    .option('--log-dir <dir>', 'where the session is recorded');
  return addLayerOptions(command).action(async (options: ServeOptions) => {
    process.exitCode = await serve(options);
  });
}

async function serve(options: ServeOptions): Promise<number> {
  const plan = await toolPlan(options, 'agent-sandbox mcp serve');
  if (plan === undefined) return EXIT.failed;
  let stop: (code: number) => void = () => undefined;
  const stopped = new Promise<number>((resolve) => (stop = resolve));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => stop(0));
  const server = createServer({ noDelay: true });
  const port = await listen(server, options.port);
  const alone = await openToolsAlone({
    plan,
    survey: false,
    names: [`127.0.0.1:${port}`, `localhost:${port}`],
    onStop: (why) => {
      err(`agent-sandbox: the gateway stops: ${why}`);
      stop(EXIT.failed);
    },
  }).catch((error: unknown) => {
    server.close();
    throw error;
  });
  const { tools } = alone;
  server.on('connection', (socket) => tools.serve(socket));
  try {
    await Promise.race([tools.ready(), stopped]);
    const { servers, bearer, base } = tools;
    if (options.json) json({ servers, bearer, log: alone.logFile });
    else {
      for (const { id, url } of servers) out(`${id}  ${url}`);
      for (const [name, value] of toolVariables({ base, bearer })) out(`export ${name}=${value}`);
      err('each request carries `Authorization: Bearer $AGENT_SANDBOX_MCP_TOKEN`; Ctrl-C ends it');
    }
    return await stopped;
  } finally {
    server.close();
    await alone.close();
  }
}

/** On the loopback alone; the port it got. */
function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}

function readPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port < 65536) return port;
  throw new InvalidArgumentError('expected a port from 0 to 65535.');
}
