// A tool server over its standard streams in a machine of its own: the built program as its users run it, and a client on the host.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Settings } from '../main.ts';
import { median } from '../table.ts';
import type { Row } from '../table.ts';
import { begin, openClient } from './client.ts';

const ROOT = join(import.meta.dirname, '..');
const SERVER = join(ROOT, 'dist/bench-mcp-server.js');
const LIMIT_MS = 180_000;

interface Timed {
  /** seconds: until the gateway says that the server has answered */
  up: number;
  /** from `initialize` of the first session to the answer of `tools/list` */
  session: number;
  list: number;
}

export async function measureMachine(settings: Settings): Promise<Row[]> {
  const workspace = join(settings.fast, 'mcp-machine');
  mkdirSync(workspace, { recursive: true, mode: 0o755 });
  writeFileSync(
    join(workspace, 'policy.yml'),
    `version: 1
mcp:
  servers:
    - {id: bench, command: [node, ${SERVER}, stdio]}
  allow:
    - {server: bench, tools: [echo, give]}
`,
  );
  const times: Timed[] = [];
  for (let round = 0; round < settings.rounds; round++) {
    const timed = await timeOne(settings, workspace);
    settings.say(
      `server in its own machine: up ${timed.up.toFixed(1)} s, first session ${timed.session.toFixed(2)} s, list ${timed.list.toFixed(3)} s`,
    );
    times.push(timed);
  }
  const of = (key: keyof Timed): number => median(times.map((one) => one[key]));
  const { accelerator } = settings;
  const row = (name: string, ours: number): Row => ({
    group: 'mcp',
    ...{ name: `stdio server in its own machine (${accelerator}), ${name}`, unit: 's', ours },
    rivals: [],
  });
  return [
    row('until the gateway is ready', of('up')),
    row('a session begun and its first tools/list', of('session')),
    {
      ...row('the first tools/list alone', of('list')),
      target: { text: '<= 1 s', isKept: of('list') <= 1 },
    },
  ];
}

async function timeOne(settings: Settings, workspace: string): Promise<Timed> {
  const begun = performance.now();
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'bin/agent-sandbox.js'),
      ...['mcp', 'serve', '--json', '--log-dir', settings.logs],
      ...['--policy', join(workspace, 'policy.yml')],
    ],
    { cwd: workspace, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const limit = setTimeout(() => child.kill('SIGTERM'), LIMIT_MS);
  const ended = once(child, 'close');
  try {
    const { servers, bearer } = await readyOf(child.stdout, child.stderr, ended);
    const up = (performance.now() - begun) / 1000;
    const url = new URL(servers[0]?.url ?? '');
    const client = await openClient({
      ...{ port: Number(url.port), path: url.pathname },
      headers: { authorization: `Bearer ${bearer}` },
    });
    const beginsAt = performance.now();
    const session = await begin(client);
    const asksAt = performance.now();
    const { body } = await client.post({ jsonrpc: '2.0', id: 1, method: 'tools/list' }, session);
    const answeredAt = performance.now();
    client.close();
    if (!body.includes('"echo"')) throw new Error(`no tools: ${body.slice(0, 300)}`);
    return { up, session: (answeredAt - beginsAt) / 1000, list: (answeredAt - asksAt) / 1000 };
  } finally {
    clearTimeout(limit);
    child.kill('SIGTERM');
    await ended;
  }
}

interface Ready {
  servers: { url: string }[];
  bearer: string;
}

/** What it prints once its servers have answered. */
async function readyOf(
  output: NodeJS.ReadableStream,
  errors: NodeJS.ReadableStream,
  ended: Promise<unknown>,
): Promise<Ready> {
  let said = '';
  let text = '';
  errors.on('data', (chunk: Buffer) => (said = `${said}${chunk.toString()}`.slice(-1000)));
  const printed = new Promise<Ready>((resolve) => {
    output.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text) as Ready);
    });
  });
  return Promise.race([
    printed,
    ended.then(() => Promise.reject(new Error(`the gateway did not start: ${said.trim()}`))),
  ]);
}
