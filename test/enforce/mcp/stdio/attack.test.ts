// What a process, and whoever speaks to it, may do to the host that reads it.
import { PassThrough, Writable } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';

import type { ServerProcess } from '../../../../src/enforce/mcp/stdio/server-process.ts';
import { createStdioUpstream } from '../../../../src/enforce/mcp/stdio/stdio.ts';
import type { Upstream } from '../../../../src/enforce/mcp/upstream.ts';

let upstream: Upstream | undefined;
afterEach(() => upstream?.close());

interface Fake {
  stdout: PassThrough;
  isKilled: () => boolean;
}

/** Processes that say what the test says; `reads`: of their input. */
function rig(reads = true): { upstream: Upstream; started: Fake[]; release: () => void } {
  const started: Fake[] = [];
  let release: () => void = () => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  upstream = createStdioUpstream({
    spawn: async (): Promise<ServerProcess> => {
      await gate;
      const stdout = new PassThrough();
      let killed = false;
      started.push({ stdout, isKilled: () => killed });
      return {
        stdin: new Writable({ write: (_chunk, _encoding, done) => (reads ? done() : undefined) }),
        stdout,
        stderr: new PassThrough(),
        exited: new Promise(() => undefined),
        kill: () => (killed = true),
      };
    },
    onStderr: () => undefined,
    onGarbage: () => undefined,
  });
  return { upstream, started, release };
}

const call = () => ({ headers: [], signal: new AbortController().signal });

describe('a process', () => {
  it('whose message is nested deeper than can be written again does no harm', async () => {
    const { upstream, started, release } = rig();
    release();
    const { events } = await upstream.post({ jsonrpc: '2.0', id: 1, method: 'x' }, call());
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const stdout = started[0]?.stdout;
    const key = 'io.modelcontextprotocol/subscriptionId';
    stdout?.write(`{"jsonrpc":"2.0","id":${deep},"result":{}}\n`);
    stdout?.write(`{"jsonrpc":"2.0","method":"n","params":{"_meta":{"${key}":${deep}}}}\n`);
    stdout?.write('{"jsonrpc":"2.0","id":1,"result":{"ok":true}}\n');
    const said: string[] = [];
    for await (const { data } of events) said.push(data.toString());
    expect(said).toEqual(['{"jsonrpc":"2.0","id":1,"result":{"ok":true}}']);
  });

  it('that was asked what it is serves one of two sessions that begin together', async () => {
    const { upstream, started, release } = rig();
    const asked = upstream.post({ jsonrpc: '2.0', id: 1, method: 'server/discover' }, call());
    const begin = (id: number) =>
      upstream.post({ jsonrpc: '2.0', id, method: 'initialize' }, call());
    const both = Promise.all([begin(2), begin(3)]);
    release();
    await asked;
    const [one, other] = await both;
    expect(one.session).not.toBe(other.session);
    expect(started).toHaveLength(2);
  });

  it('that does not read is ended before what waits for it fills the host', async () => {
    const { upstream, started, release } = rig(false);
    release();
    const { session } = await upstream.post(
      { jsonrpc: '2.0', id: 1, method: 'initialize' },
      call(),
    );
    const text = 'x'.repeat(4_000_000);
    for (let id = 2; id < 40; id++)
      await upstream.post(
        { jsonrpc: '2.0', id, method: 'tools/call', params: { text } },
        { ...call(), session },
      );
    expect(started[0]?.isKilled()).toBe(true);
  });
});
