// The ways to the bench's tool server: direct, through the program's gateway, and through other proxies.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { freePort, startRival } from '../egress/child.ts';
import type { Server } from '../egress/child.ts';
import type { Way } from './client.ts';

export interface RunningWay extends Way, Server {
  name: string;
  /** milliseconds from its start until it takes calls */
  ready: number;
}

const ROOT = join(import.meta.dirname, '..');
const SERVER = join(ROOT, 'dist/bench-mcp-server.js');
const BEARER = 'bearer-of-the-bench';
const POLL_MS = 5;

/** The bench's own programs print their port once they take calls. */
async function startOwn(
  name: string,
  args: string[],
): Promise<Server & Pick<RunningWay, 'name' | 'ready'>> {
  const begun = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = (await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${name} did not start`))),
  ])) as [Buffer];
  const ready = performance.now() - begun;
  return {
    ...{ name, ready, port: Number(line), pid: child.pid ?? 0 },
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

export async function startDirect(): Promise<RunningWay> {
  const server = await startOwn('direct', [SERVER, 'http']);
  return { ...server, path: '/mcp', headers: {} };
}

/** `upstream`: the server's URL, or nothing for a process of its own that speaks over its standard streams. */
export async function startGateway(
  policy: string,
  folder: string,
  upstream?: string,
): Promise<RunningWay> {
  const gateway = await startOwn(upstream === undefined ? 'ours, stdio' : 'ours', [
    join(ROOT, 'dist/bench-mcp-gateway.js'),
    ...[policy, folder, BEARER],
    ...(upstream === undefined ? [process.execPath, SERVER, 'stdio'] : [upstream]),
  ]);
  return { ...gateway, path: '/mcp/bench', headers: { authorization: `Bearer ${BEARER}` } };
}

interface Rival {
  name: string;
  args(port: number): string[];
}

const packageFile = (name: string, file: string): string => join(ROOT, 'node_modules', name, file);

const RIVALS: readonly Rival[] = [
  {
    name: 'mcp-proxy',
    args: (port) => [
      packageFile('mcp-proxy', 'dist/bin/mcp-proxy.mjs'),
      ...['--server', 'stream', '--host', '127.0.0.1', '--port', String(port)],
      ...['--', process.execPath, SERVER, 'stdio'],
    ],
  },
  {
    name: 'supergateway',
    args: (port) => [
      packageFile('supergateway', 'dist/index.js'),
      ...['--outputTransport', 'streamableHttp', '--stateful', '--logLevel', 'none'],
      ...['--port', String(port), '--stdio', `${process.execPath} ${SERVER} stdio`],
    ],
  },
];

/** Other proxies, each with a process of the server behind it; their names with their versions. */
export async function startRivals(
  onFault: (name: string, fault: string) => void,
): Promise<RunningWay[]> {
  const ways: RunningWay[] = [];
  for (const rival of RIVALS) {
    try {
      const port = await freePort();
      const begun = performance.now();
      const server = await startRival([process.execPath, ...rival.args(port)], port, {
        poll: POLL_MS,
      });
      const ready = performance.now() - begun;
      const { version } = JSON.parse(
        readFileSync(packageFile(rival.name, 'package.json'), 'utf8'),
      ) as {
        version: string;
      };
      const name = `${rival.name} ${version}`;
      ways.push({ ...server, name, ready, path: '/mcp', headers: {} });
    } catch (error) {
      onFault(rival.name, error instanceof Error ? error.message : String(error));
    }
  }
  return ways;
}
