// A server over stdio as the gateway sees it, with real processes behind it.

import { spawn } from 'node:child_process';
import { afterEach, describe, expect, it } from 'vitest';

import { createStdioUpstream } from '../../../../src/enforce/mcp/stdio/stdio.ts';
import type { ServerProcess } from '../../../../src/enforce/mcp/stdio/server-process.ts';
import type { Upstream, UpstreamAnswer } from '../../../../src/enforce/mcp/upstream.ts';
import type { JsonObject } from '../../../../src/model/credential.ts';

/** Answers by method; `say:` writes its parameter as it is. */
const SERVER = `
let calls = 0;
const write = (value) => process.stdout.write((typeof value === 'string' ? value : JSON.stringify(value)) + '\\n');
require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line);
  if (method === 'echo') write({ jsonrpc: '2.0', id, result: { params, pid: process.pid, calls: ++calls } });
  else if (method === 'initialize') write({ jsonrpc: '2.0', id, result: { pid: process.pid } });
  else if (method === 'raw') { for (const one of params.lines) write(one); write({ jsonrpc: '2.0', id, result: {} }); }
  else if (method === 'slow') { globalThis.slow = id; }
  else if (method === 'notifications/cancelled') { console.error('cancelled ' + params.requestId); }
  else if (method === 'exit') process.exit(3);
});`;

const children: number[] = [];
let upstream: Upstream | undefined;
afterEach(async () => {
  await upstream?.close();
  for (const pid of children.splice(0))
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // gone already
    }
});

interface Rig {
  upstream: Upstream;
  said: string[];
  garbage: () => number;
  spawned: () => number;
}

function rig(source = SERVER): Rig {
  const said: string[] = [];
  let garbage = 0;
  const spawnServer = (): Promise<ServerProcess> => {
    const child = spawn(process.execPath, ['-e', source], { stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(child.pid ?? 0);
    return Promise.resolve({
      stdin: child.stdin,
      stdout: child.stdout,
      stderr: child.stderr,
      exited: new Promise((resolve) => child.once('exit', () => resolve())),
      kill: () => void child.kill('SIGKILL'),
    });
  };
  upstream = createStdioUpstream({
    spawn: spawnServer,
    onStderr: (text) => said.push(text.trim()),
    onGarbage: (lines) => (garbage += lines),
  });
  const before = children.length;
  return { upstream, said, garbage: () => garbage, spawned: () => children.length - before };
}

const never = new AbortController().signal;
const request = (id: number | string, method: string, params: JsonObject = {}): JsonObject => ({
  jsonrpc: '2.0',
  id,
  method,
  params,
});

async function all(answer: UpstreamAnswer): Promise<JsonObject[]> {
  const messages: JsonObject[] = [];
  for await (const { data } of answer.events)
    messages.push(JSON.parse(data.toString()) as JsonObject);
  return messages;
}

async function begin(upstream: Upstream): Promise<string> {
  const answer = await upstream.post(request(0, 'initialize'), { headers: [], signal: never });
  await all(answer);
  return answer.session ?? '';
}

describe('a server over stdio', () => {
  it('has a process for each session, and one for what knows no sessions', async () => {
    const { upstream, spawned } = rig();
    const [a, b] = [await begin(upstream), await begin(upstream)];
    const call = async (session: string | undefined): Promise<unknown> =>
      (
        await all(await upstream.post(request(1, 'echo'), { session, headers: [], signal: never }))
      )[0]?.['result'];
    const [first, second] = [await call(a), await call(b)] as { pid: number; calls: number }[];
    expect(first?.pid).not.toBe(second?.pid);
    expect([first?.calls, second?.calls]).toEqual([1, 1]);
    const loose = (await call(undefined)) as { pid: number };
    expect(await call(undefined)).toMatchObject({ pid: loose.pid, calls: 2 });
    expect(spawned()).toBe(3);
  });

  it('keeps the process that was only asked what it knows for the first session', async () => {
    const { upstream, spawned } = rig();
    const call = { headers: [], signal: never };
    await all(await upstream.post(request(0, 'echo', {}), call));
    await begin(upstream);
    expect(spawned()).toBe(2);
    const other = rig();
    const asked = other.upstream.post(request('d', 'server/discover'), call);
    const session = await begin(other.upstream);
    const [answer] = await all(await other.upstream.post(request(1, 'echo'), { ...call, session }));
    expect(answer?.result).toMatchObject({ calls: 1 });
    expect(other.spawned()).toBe(1);
    await begin(other.upstream);
    expect(other.spawned()).toBe(2);
    await other.upstream.close();
    await asked;
  });

  it('tells ids of different types apart', async () => {
    const { upstream } = rig();
    const session = await begin(upstream);
    const answers = await Promise.all(
      [1, '1'].map(async (id) =>
        all(
          await upstream.post(request(id, 'echo', { id }), { session, headers: [], signal: never }),
        ),
      ),
    );
    expect(answers.map(([one]) => one?.['id'])).toEqual([1, '1']);
  });

  it('hands on what a server says by itself: to its call, or to the listener', async () => {
    const { upstream } = rig();
    const session = await begin(upstream);
    const progress = {
      jsonrpc: '2.0',
      method: 'notifications/progress',
      params: { progressToken: 't' },
    };
    const changed = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
    const stream = await upstream.listen({ session, headers: [], signal: never });
    const heard = all(stream);
    const messages = await all(
      await upstream.post(
        request(7, 'raw', { _meta: { progressToken: 't' }, lines: [progress, changed] }),
        {
          session,
          headers: [],
          signal: never,
        },
      ),
    );
    expect(messages).toEqual([progress, { jsonrpc: '2.0', id: 7, result: {} }]);
    await upstream.end({ session, headers: [], signal: never });
    expect(await heard).toEqual([changed]);
  });

  it('drops lines that are no messages, and responses that nobody waits for', async () => {
    const { upstream, garbage } = rig();
    const session = await begin(upstream);
    const lines = [
      'listening on stdio',
      '[1,2]',
      '"x"',
      '{"jsonrpc":"2.0","id":"7","result":{}}',
      '',
    ];
    const messages = await all(
      await upstream.post(request(7, 'raw', { lines }), { session, headers: [], signal: never }),
    );
    expect(messages).toEqual([{ jsonrpc: '2.0', id: 7, result: {} }]);
    expect(garbage()).toBe(3);
  });

  it('ends a process whose line has no end', async () => {
    const { upstream } = rig(
      `process.stdin.once('data', () => { const a = 'a'.repeat(1 << 20); (function more() { process.stdout.write(a, more); })(); });`,
    );
    const answer = await upstream.post(request(0, 'initialize'), { headers: [], signal: never });
    await expect(all(answer)).rejects.toMatchObject({ code: 'MCP_UPSTREAM_ENDED' });
  });

  it('cancels once what the agent has given up', async () => {
    const { upstream, said } = rig();
    const session = await begin(upstream);
    const [one, two] = [new AbortController(), new AbortController()];
    const first = all(
      await upstream.post(request(1, 'slow'), { session, headers: [], signal: one.signal }),
    );
    const second = all(
      await upstream.post(request(2, 'slow'), { session, headers: [], signal: two.signal }),
    );
    one.abort();
    await upstream.post(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 2 } },
      { session, headers: [], signal: never },
    );
    two.abort();
    expect(await Promise.all([first, second])).toEqual([[], []]);
    await all(await upstream.post(request(3, 'echo'), { session, headers: [], signal: never }));
    expect(said.join('\n').split('\n').sort()).toEqual(['cancelled 1', 'cancelled 2']);
  });

  it('fails the calls of a process that ends, and knows its session no more', async () => {
    const { upstream } = rig();
    const session = await begin(upstream);
    const open = all(
      await upstream.post(request(1, 'slow'), { session, headers: [], signal: never }),
    );
    await upstream.post(
      { jsonrpc: '2.0', method: 'exit' },
      { session, headers: [], signal: never },
    );
    await expect(open).rejects.toMatchObject({ code: 'MCP_UPSTREAM_ENDED' });
    const answer = await upstream.post(request(2, 'echo'), { session, headers: [], signal: never });
    expect(answer.status).toBe(404);
    expect(await begin(upstream)).toMatch(/^[0-9a-f]{32}$/);
  });

  it('has no more than sixteen processes, and none after it was closed', async () => {
    const { upstream } = rig();
    const started = await Promise.allSettled(Array.from({ length: 20 }, () => begin(upstream)));
    expect(started.filter(({ status }) => status === 'fulfilled')).toHaveLength(16);
    await upstream.close();
    await expect(begin(upstream)).rejects.toMatchObject({ code: 'MCP_UPSTREAM_BUSY' });
  });
});
