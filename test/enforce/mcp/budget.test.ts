// RL7: what all calls of a session come to. The server is the witness of what went out; the agent gets the form that its client shows.
import { afterEach, describe, expect, it } from 'vitest';

import { createBudget } from '../../../src/enforce/mcp/budget.ts';
import { rules } from '../../support/mcp/fakes.ts';
import type { Json } from '../../support/mcp/recorder.ts';
import { createRig, type Rig, type RigOptions } from '../../support/mcp/rig.ts';

let rig: Rig;
const start = async (options: RigOptions): Promise<void> => {
  rig = await createRig(options);
};
afterEach(() => rig.close());

const ECHO = { name: 'echo', arguments: { text: 'x' } };
const calls = () => rig.upstream.of('tools/call').length;
const isDenied = (rule: string) => ({
  result: {
    isError: true,
    content: [
      { type: 'text', text: expect.stringContaining(`denied by policy: ${rule}`) as string },
    ],
    _meta: { 'agent-sandbox/decision': { effect: 'deny', rule } },
  },
});
const denials = () => rig.decisions().filter(({ effect }) => effect === 'deny');

describe('the number of calls', () => {
  it('RL7 is one for the session, whatever is begun anew', async () => {
    await start({ allowance: { calls: 2 } });
    await rig.legacy(await rig.begin(), 'tools/call', ECHO);
    await rig.modern('prompts/get', { name: 'hello' });
    const third = await rig.legacy(await rig.begin(), 'tools/call', ECHO);
    expect(third.message).toMatchObject(isDenied('builtin/mcp-calls'));
    expect(third.text).toContain('the session makes 2 calls of tool servers (mcp.limits.calls)');
    expect(third.text).not.toContain('To allow it');
    const fourth = await rig.modern('prompts/get', { name: 'hello' });
    expect(fourth.message).toMatchObject({ error: { code: 4290 } });
    expect([calls(), rig.upstream.of('prompts/get').length]).toEqual([1, 1]);
    expect(denials()).toMatchObject([
      { request: 'tool gh/echo', rule: { id: 'builtin/mcp-calls' } },
      { request: 'prompt gh/hello', rule: { id: 'builtin/mcp-calls' } },
    ]);
  });

  it('RL7 M19 of fifty at once holds, on every route', async () => {
    await start({ allowance: { calls: 3 } });
    await rig.modern('tools/list');
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, id) => rig.modern('tools/call', ECHO, { id })),
    );
    expect(calls()).toBe(3);
    const denied = answers.filter(({ message }) => (message['result'] as Json)['isError'] === true);
    expect(denied).toHaveLength(47);
  });

  it('RL7 counts what is asked of features, and not what is denied', async () => {
    await start({ allowance: { calls: 1 }, decide: rules((one) => one.kind !== 'tool') });
    const session = await rig.begin();
    await rig.legacy(session, 'tools/call', ECHO);
    await rig.legacy(session, 'logging/setLevel', { level: 'info' });
    const { message } = await rig.legacy(session, 'logging/setLevel', { level: 'debug' });
    expect(message).toMatchObject({ error: { code: 4290 } });
    expect(rig.upstream.of('logging/setLevel')).toHaveLength(1);
  });

  it('RL7 holds in audit mode, for what audit mode lets through as well', async () => {
    await start({ allowance: { calls: 1 }, mode: 'audit', decide: rules(() => false) });
    const session = await rig.begin();
    await rig.legacy(session, 'tools/call', ECHO);
    expect((await rig.legacy(session, 'tools/call', ECHO)).message).toMatchObject(
      isDenied('builtin/mcp-calls'),
    );
    expect(calls()).toBe(1);
  });
});

describe('bytes', () => {
  it('RL7 EX7 that go out end what goes out', async () => {
    await start({ allowance: { egress: 200 } });
    const session = await rig.begin();
    const big = { name: 'echo', arguments: { text: 'x'.repeat(150) } };
    await rig.legacy(session, 'tools/call', ECHO);
    expect((await rig.legacy(session, 'tools/call', big)).message).toMatchObject(
      isDenied('builtin/mcp-egress'),
    );
    // Nothing smaller slips through afterwards.
    expect((await rig.legacy(session, 'tools/call', ECHO)).message).toMatchObject(
      isDenied('builtin/mcp-egress'),
    );
    expect(calls()).toBe(1);
  });

  it('RL7 that come in end the call that they come for, and every one after it', async () => {
    await start({ allowance: { ingress: 20_000 } });
    const session = await rig.begin();
    const text = 'y'.repeat(30_000);
    rig.upstream.on('tools/call', ({ answer }) =>
      answer({ result: { content: [{ type: 'text', text }] } }),
    );
    const { message, text: said } = await rig.legacy(session, 'tools/call', ECHO);
    expect(message).toMatchObject(isDenied('builtin/mcp-ingress'));
    expect(said).not.toContain('yyy');
    await rig.legacy(session, 'tools/call', ECHO);
    expect(calls()).toBe(1);
    expect(denials().length).toBeGreaterThanOrEqual(2);
  });

  it('RL7 that come in the middle of a stream end it there, and the server is told', async () => {
    await start({ allowance: { ingress: 50_000 }, limits: { grace: 50 } });
    const session = await rig.begin();
    let isGone = false;
    rig.upstream.on('tools/call', ({ event, response, message }) => {
      const progressToken = ((message['params'] as Json)['_meta'] as Json)['progressToken'];
      response.on('close', () => (isGone = true));
      for (let progress = 1; progress <= 4; progress++)
        event({
          method: 'notifications/progress',
          params: { progressToken, progress, message: 'z'.repeat(4000) },
        });
      for (let at = 0; at < 20; at++)
        event({
          method: 'notifications/message',
          params: { level: 'info', data: 'z'.repeat(9000) },
        });
    });
    const { messages } = await rig.legacy(session, 'tools/call', {
      ...ECHO,
      _meta: { progressToken: 'p' },
    });
    expect(messages[0]).toMatchObject({ method: 'notifications/progress' });
    expect(messages.at(-1)).toMatchObject(isDenied('builtin/mcp-ingress'));
    await expect.poll(() => isGone).toBe(true);
    expect(rig.upstream.of('notifications/cancelled')).toHaveLength(1);
    expect(rig.log).toContainEqual(
      expect.objectContaining({ type: 'outcome', method: 'tools/call', status: 'limit' }),
    );
  });
});

describe('the time of a call', () => {
  it.each(['legacy', 'modern'] as const)('RL7 ends it, sign of life or not: %s', async (era) => {
    await start({ allowance: { timeout: 150 }, limits: { grace: 20 } });
    const session = era === 'legacy' ? await rig.begin() : {};
    const timers: NodeJS.Timeout[] = [];
    let isGone = false;
    rig.upstream.on('tools/call', ({ event, message, response }) => {
      response.on('close', () => (isGone = true));
      const progressToken = ((message['params'] as Json)['_meta'] as Json)['progressToken'];
      let progress = 0;
      timers.push(
        setInterval(
          () =>
            event({
              method: 'notifications/progress',
              params: { progressToken, progress: (progress += 1) },
            }),
          20,
        ),
      );
    });
    const params = { ...ECHO, _meta: { progressToken: 'p' } };
    const { message } =
      era === 'legacy'
        ? await rig.legacy(session, 'tools/call', params)
        : await rig.modern('tools/call', ECHO, { meta: { progressToken: 'p' } });
    expect(message).toMatchObject(isDenied('builtin/mcp-timeout'));
    await expect.poll(() => isGone).toBe(true);
    timers.forEach(clearInterval);
    expect(denials()).toMatchObject([{ rule: { id: 'builtin/mcp-timeout' } }]);
    rig.upstream.on('tools/call', ({ answer }) =>
      answer({ result: { resultType: 'complete', content: [] } }),
    );
    const next =
      era === 'legacy'
        ? await rig.legacy(session, 'tools/call', ECHO)
        : await rig.modern('tools/call', ECHO);
    expect(next.message).not.toHaveProperty('result.isError');
  });
});

it('a budget of nothing said is none', () => {
  const budget = createBudget({});
  for (let at = 0; at < 1000; at++) expect(budget.send(1e6) ?? budget.receive(1e6)).toBeUndefined();
  expect(budget.timeout).toBeUndefined();
});
