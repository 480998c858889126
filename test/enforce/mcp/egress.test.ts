// RL7: what is sent to a remote server is paid for from what the session may send out, and nothing is sent once that is spent.
import { afterEach, expect, it } from 'vitest';

import { createBudget, type Budget } from '../../../src/enforce/egress/budget.ts';
import { rules } from '../../support/mcp/fakes.ts';
import type { Json } from '../../support/mcp/recorder.ts';
import { createRig, type Rig, type RigOptions } from '../../support/mcp/rig.ts';

let rig: Rig;
let budget: Budget;
async function start(limit: number, options: RigOptions = {}): Promise<void> {
  budget = createBudget(limit);
  rig = await createRig({ spend: (bytes) => budget.spend(bytes), ...options });
}
afterEach(() => rig.close());

const call = (text: string): Json => ({ name: 'echo', arguments: { text } });

it.each(['legacy', 'modern'] as const)(
  'RL7 denies the call that would be more, in the %s era, and every one after it',
  async (era) => {
    await start(4096);
    const session = era === 'legacy' ? await rig.begin() : {};
    const send = async (text: string): Promise<Json> =>
      (era === 'legacy'
        ? await rig.legacy(session, 'tools/call', call(text))
        : await rig.modern('tools/call', call(text))
      ).message;
    expect(await send('x'.repeat(1000))).toMatchObject({
      result: { content: [{ type: 'text', text: `said: ${'x'.repeat(1000)}` }] },
    });
    expect(budget.spent()).toBeGreaterThan(1000);
    const [before, sent] = [budget.spent(), rig.upstream.received.length];
    for (const text of ['x'.repeat(4000), 'small']) {
      expect(await send(text)).toMatchObject({
        result: {
          isError: true,
          content: [{ text: expect.stringContaining('limits.egress') as string }],
          _meta: { 'agent-sandbox/decision': { rule: 'builtin/mcp-egress' } },
        },
      });
      expect(rig.decisions().at(-1)).toMatchObject({
        effect: 'deny',
        enforced: true,
        rule: { id: 'builtin/mcp-egress' },
      });
    }
    expect(rig.upstream.received).toHaveLength(sent);
    expect(budget.spent()).toBe(before);
  },
);

it('RL7 is no matter of rules: audit mode sends no more either', async () => {
  await start(3000, { mode: 'audit', decide: rules(() => true) });
  await rig.modern('tools/list');
  const { message } = await rig.modern('tools/call', call('x'.repeat(4000)));
  expect(message).toMatchObject({ result: { isError: true } });
  expect(rig.upstream.of('tools/call')).toEqual([]);
});

it('RL7 takes nothing for what rules deny', async () => {
  await start(100_000, {
    decide: rules((request) => request.kind !== 'tool' || request.tool === 'echo'),
  });
  const session = await rig.begin();
  await rig.legacy(session, 'tools/call', call('x'));
  const before = budget.spent();
  await rig.legacy(session, 'tools/call', { ...call('x'.repeat(5000)), name: 'danger' });
  expect(budget.spent()).toBe(before);
});

it('RL7 counts whatever else an agent can have sent: greetings, completions, answers, news', async () => {
  await start(100_000);
  const costOf = async (send: () => Promise<unknown>): Promise<number> => {
    const before = budget.spent();
    await send();
    return budget.spent() - before;
  };
  let session: Record<string, string> = {};
  const clientInfo = { name: 'n'.repeat(100), version: '1' };
  const greeting = { protocolVersion: '2025-11-25', capabilities: { sampling: {} }, clientInfo };
  expect(
    await costOf(async () => {
      const body = { jsonrpc: '2.0', id: 0, method: 'initialize', params: greeting };
      const { headers } = await rig.send(body);
      session = { 'mcp-session-id': String(headers['mcp-session-id']) };
    }),
  ).toBeGreaterThan(100);
  const complete = {
    ref: { type: 'ref/prompt', name: 'hello' },
    argument: { name: 'a', value: 'v'.repeat(1000) },
  };
  const completing = await costOf(() => rig.legacy(session, 'completion/complete', complete));
  expect(completing).toBeGreaterThan(1000);
  expect(completing).toBeLessThan(2000);
  rig.upstream.on('tools/call', ({ event, message }) => {
    event({ id: 'q', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } });
    setTimeout(() => event({ id: message['id'], result: { content: [] } }), 200);
  });
  const result = {
    role: 'assistant',
    model: 'm',
    content: { type: 'text', text: 'a'.repeat(2000) },
  };
  const answering = await costOf(async () => {
    const answered = rig.legacy(session, 'tools/call', call('x'));
    await expect.poll(() => rig.upstream.of('tools/call').length).toBe(1);
    await rig.send({ jsonrpc: '2.0', id: 1, result }, { headers: session });
    await answered;
  });
  expect(rig.upstream.received.filter(({ message }) => message['id'] === 'q')).toHaveLength(1);
  expect(answering).toBeGreaterThan(2000);
});

it('RL7 ends a completion and a greeting, too, once all is spent', async () => {
  await start(1500);
  const session = await rig.begin();
  await rig.legacy(session, 'prompts/list');
  const argument = { name: 'a', value: 'v'.repeat(2000) };
  const complete = { ref: { type: 'ref/prompt', name: 'hello' }, argument };
  const { message } = await rig.legacy(session, 'completion/complete', complete);
  expect(message).toMatchObject({
    error: { data: { 'agent-sandbox/decision': { rule: 'builtin/mcp-egress' } } },
  });
  expect(rig.upstream.of('completion/complete')).toEqual([]);
  const greetings = rig.upstream.of('initialize').length;
  await expect(rig.begin()).rejects.toThrow('limits.egress');
  expect(rig.upstream.of('initialize')).toHaveLength(greetings);
});
