// A server that says without end that its lists have changed: they are looked at again so often and no more, and every agent that listens is
// told what has become of them.
import type http from 'node:http';
import { afterEach, expect, it } from 'vitest';

import type { Json } from '../../support/mcp/recorder.ts';
import { createRig, type Rig, type RigOptions } from '../../support/mcp/rig.ts';

let rig: Rig;
const streams: http.IncomingMessage[] = [];
afterEach(async () => {
  for (const stream of streams.splice(0)) stream.destroy();
  await rig.close();
});
const start = async (options: RigOptions): Promise<void> => {
  rig = await createRig(options);
};

/** Opens the session's stream of news; what was heard on it. */
async function listen(session: Record<string, string>): Promise<() => string> {
  const count = rig.upstream.streams.length;
  const stream = await rig.open(undefined, {
    method: 'GET',
    headers: { ...session, 'content-type': undefined },
  });
  streams.push(stream);
  let heard = '';
  stream.on('data', (chunk: Buffer) => (heard += chunk.toString()));
  await expect.poll(() => rig.upstream.streams.length).toBe(count + 1);
  return () => heard;
}
const say = (method: string, params: Json = {}, at = 0): void =>
  void rig.upstream.streams[at]?.write(
    `data: ${JSON.stringify({ jsonrpc: '2.0', method, params })}\n\n`,
  );
const CHANGED = 'notifications/tools/list_changed';
const mark = (name: string): void =>
  say('notifications/resources/updated', { uri: `file:///workspace/${name}` });
const fetched = () => rig.upstream.of('tools/list').length;
const change = (description: string): void => {
  rig.upstream.tools = rig.upstream.tools.map((tool) => ({ ...tool, description }));
};

it('a flood of news is one look, and the next call looks again', async () => {
  await start({ limits: { news: 3_600_000 } });
  const session = await rig.begin();
  await rig.legacy(session, 'tools/list');
  const heard = await listen(session);
  const before = fetched();
  for (let at = 0; at < 500; at++) say(CHANGED);
  mark('flood');
  await expect.poll(heard).toContain('workspace/flood');
  await expect.poll(fetched).toBe(before + 1);
  for (let at = 0; at < 500; at++) say(CHANGED);
  mark('more');
  await expect.poll(heard).toContain('workspace/more');
  expect(fetched()).toBe(before + 1);
  // Nothing of a list that is not looked at can be called.
  change('another');
  const { message } = await rig.legacy(session, 'tools/call', { name: 'echo', arguments: {} });
  expect(message).toMatchObject({ error: { code: -32602 } });
  expect(rig.upstream.of('tools/call')).toHaveLength(0);
});

it('what changes in the middle of a flood is found, and told once to each who listens', async () => {
  await start({ limits: { news: 50 } });
  const first = await rig.begin();
  const second = await rig.begin();
  await rig.legacy(first, 'tools/list');
  const heard = [await listen(first), await listen(second)];
  for (let at = 0; at < 50; at++) say(CHANGED, {}, at % 2);
  change('another');
  for (let at = 0; at < 50; at++) say(CHANGED, {}, at % 2);
  for (const one of heard) await expect.poll(one).toContain('list_changed');
  mark('end');
  await expect.poll(heard[0] ?? (() => '')).toContain('workspace/end');
  expect(heard.map((one) => one().match(/list_changed/g)?.length)).toEqual([1, 1]);
});

it('news that come while a list is read are read for', async () => {
  await start({ limits: { news: 20 } });
  const session = await rig.begin();
  await rig.legacy(session, 'tools/list');
  const heard = await listen(session);
  const open: (() => void)[] = [];
  rig.upstream.on('tools/list', ({ answer }) => {
    const tools = rig.upstream.tools;
    open.push(() => answer({ result: { tools } }));
  });
  say(CHANGED);
  await expect.poll(() => open.length).toBe(1);
  change('another');
  say(CHANGED);
  mark('now');
  await expect.poll(heard).toContain('workspace/now');
  open.shift()?.();
  await expect.poll(() => open.length).toBe(1);
  open.shift()?.();
  await expect.poll(heard).toContain('list_changed');
});
