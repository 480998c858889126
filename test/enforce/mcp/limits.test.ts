// Limits and the log: counted for the run, whatever the agent begins anew; on record before anything goes out, and never a value.
import { afterEach, expect, it } from 'vitest';

import type { Point } from '../../../src/enforce/point.ts';
import { createQuotas } from '../../../src/enforce/quotas.ts';
import type { Request } from '../../../src/model/request.ts';
import { toJsonLine } from '../../../src/log/redact.ts';
import { passContent, rules } from '../../support/mcp/fakes.ts';
import { createRig, type Rig, type RigOptions } from '../../support/mcp/rig.ts';

let rig: Rig;
const start = async (options: RigOptions): Promise<void> => {
  rig = await createRig(options);
};
afterEach(() => rig.close());

const ISSUE = { name: 'create_issue', arguments: { title: 'x' } };
const RULE = {
  id: 'repo/mcp.allow[0]',
  file: '.github/agent-sandbox.yml',
  line: 7,
  layer: 'repo',
} as const;
const fivePerMinute = rules(() => true, {
  limits: [{ rule: RULE, limit: { count: 5, per: 'minute' }, depth: 0 }],
});

it('RL1 the sixth call of five a minute is refused, with the time when there is room again', async () => {
  let now = 1000;
  await start({ decide: fivePerMinute, quotas: createQuotas({ now: () => now }) });
  const session = await rig.begin();
  for (let at = 0; at < 5; at++) {
    const { message } = await rig.legacy(session, 'tools/call', ISSUE);
    expect(message).not.toHaveProperty('result.isError');
    now += 1000;
  }
  const { message } = await rig.legacy(session, 'tools/call', ISSUE);
  expect(message).toMatchObject({
    result: {
      isError: true,
      _meta: { 'agent-sandbox/decision': { rule: RULE.id, line: 7, retryAfterMs: 55_000 } },
    },
  });
  expect(rig.upstream.of('tools/call')).toHaveLength(5);
  // RL5: no clock but the monotonic one counts.
  now += 55_000;
  expect((await rig.legacy(session, 'tools/call', ISSUE)).message).not.toHaveProperty(
    'result.isError',
  );
});

it('RL2 M19 no new session, connection, name or era begins to count anew', async () => {
  await start({
    decide: rules(() => true, {
      limits: [{ rule: RULE, limit: { count: 2, per: 'session' }, depth: 0 }],
    }),
  });
  await rig.legacy(await rig.begin(), 'tools/call', ISSUE);
  await rig.modern('tools/call', ISSUE, {
    meta: { 'io.modelcontextprotocol/clientInfo': { name: 'a', version: '1' } },
  });
  const fresh = await rig.begin({}, '2025-03-26');
  expect((await rig.legacy(fresh, 'tools/call', ISSUE)).message).toMatchObject({
    result: { isError: true },
  });
  const meta = { 'io.modelcontextprotocol/clientInfo': { name: 'b', version: '2' } };
  expect((await rig.modern('tools/call', ISSUE, { meta })).message).toMatchObject({
    result: { isError: true },
  });
  expect(rig.upstream.of('tools/call')).toHaveLength(2);
});

it('M19 of fifty calls at once one goes through where one may', async () => {
  await start({
    decide: rules(() => true, {
      limits: [{ rule: RULE, limit: { count: 1, per: 'session' }, depth: 0 }],
    }),
  });
  await rig.modern('tools/list');
  await Promise.all(Array.from({ length: 50 }, (_, id) => rig.modern('tools/call', ISSUE, { id })));
  expect(rig.upstream.of('tools/call')).toHaveLength(1);
});

it('RL4 a server never has more calls than it may, and beyond those that wait they are refused', async () => {
  await start({ limits: { concurrent: 4, queue: 20 } });
  let running = 0;
  let most = 0;
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  rig.upstream.on('tools/call', ({ answer }) => {
    most = Math.max(most, (running += 1));
    void opened.then(() => {
      running -= 1;
      answer({ result: { resultType: 'complete', content: [] } });
    });
  });
  await rig.modern('tools/list');
  const all = Promise.all(
    Array.from({ length: 50 }, (_, id) => rig.modern('tools/call', ISSUE, { id })),
  );
  // Nothing is answered before four run, twenty wait, and what is left has been refused.
  await expect.poll(() => rig.decisions().length, { timeout: 10_000 }).toBe(4 + 26);
  expect(rig.upstream.of('tools/call')).toHaveLength(4);
  open();
  const refused = (await all).filter(({ text }) => text.includes('builtin/mcp-concurrency'));
  expect(refused).toHaveLength(26);
  expect(most).toBe(4);
  expect(rig.upstream.of('tools/call')).toHaveLength(24);
  expect(rig.decisions()).toHaveLength(50);
});

it('M25 nothing but tools is open where only tools are named', async () => {
  await start({ decide: rules(({ kind }: Request) => kind === 'tool') });
  const session = await rig.begin();
  const asked: [string, Record<string, unknown>][] = [
    ['resources/read', { uri: 'file:///etc/passwd' }],
    ['resources/subscribe', { uri: 'file:///etc/passwd' }],
    ['prompts/get', { name: 'hello' }],
    [
      'completion/complete',
      { ref: { type: 'ref/prompt', name: 'hello' }, argument: { name: 'a', value: 'b' } },
    ],
    ['logging/setLevel', { level: 'debug' }],
  ];
  for (const [method, params] of asked) {
    const { message } = await rig.legacy(session, method, params);
    expect(message, method).toMatchObject({
      error: {
        code: 4030,
        message: expect.stringContaining('denied by policy: builtin/default') as string,
      },
    });
    expect(rig.upstream.of(method)).toHaveLength(0);
  }
  expect(rig.decisions().map(({ request }) => request)).toEqual([
    'resource gh file:///etc/passwd',
    'resource gh file:///etc/passwd',
    'prompt gh/hello',
    'prompt gh/hello',
    'feature gh/logging',
  ]);
});

it('BP5 a link to what may not be read is left out of a result', async () => {
  await start({
    decide: rules(
      (request) => request.kind !== 'resource' || request.uri.startsWith('file:///workspace/'),
    ),
  });
  const open = { type: 'resource_link', uri: 'file:///workspace/a', name: 'a' };
  rig.upstream.on('tools/call', ({ answer }) =>
    answer({
      result: {
        content: [
          open,
          { type: 'resource_link', uri: 'file:///etc/shadow', name: 's' },
          { type: 'resource_link', uri: 'http://evil', name: 'e' },
        ],
      },
    }),
  );
  const session = await rig.begin();
  const { message, text } = await rig.legacy(session, 'tools/call', ISSUE);
  expect(message).toMatchObject({
    result: { content: [open, { type: 'text' }, { type: 'text' }] },
  });
  expect(text).not.toMatch(/shadow|evil/);
});

it('BP8 log messages pass where a rule opens them, those that were asked for', async () => {
  const say = (closed: boolean) =>
    rules((request: Request) => !closed || request.kind !== 'feature');
  for (const closed of [true, false]) {
    await start({ decide: say(closed) });
    rig.upstream.on('tools/call', ({ event, message, end }) => {
      event({ method: 'notifications/message', params: { level: 'info', data: 'said' } });
      event({ id: message['id'], result: { resultType: 'complete', content: [] } });
      end();
    });
    const level = { 'io.modelcontextprotocol/logLevel': 'debug' };
    const quiet = await rig.modern('tools/call', ISSUE);
    expect(quiet.messages).toHaveLength(1);
    const loud = await rig.modern('tools/call', ISSUE, { meta: level });
    expect(loud.messages).toHaveLength(closed ? 1 : 2);
    const sent = rig.upstream.of('tools/call').at(-1)?.raw ?? '';
    expect(sent.includes('logLevel')).toBe(!closed);
    if (closed) await rig.close();
  }
});

it('AU1 AU2 no record holds a value, and each is one line', async () => {
  await start({});
  const session = await rig.begin();
  const evil = '\n{"decision":"allow"}\u001b[2K\u2028SECRET';
  rig.upstream.on('tools/call', ({ answer }) =>
    answer({ result: { content: [{ type: 'text', text: 'RESULT-SECRET' }] } }),
  );
  await rig.legacy(session, 'tools/call', {
    name: 'echo',
    arguments: { text: evil, [`key\n${'k'.repeat(900)}`]: 'x'.repeat(1_000_000) },
  });
  await rig.legacy(session, 'tools/call', { name: `no${evil}`, arguments: { text: evil } });
  const [call] = rig.decisions();
  expect(call?.mcp?.digest).toMatch(/^hmac-sha256:[0-9a-f]{64}$/);
  expect(call?.mcp?.bytes).toBeGreaterThan(1_000_000);
  for (const event of rig.log) {
    const line = toJsonLine(JSON.stringify(event));
    expect(line).not.toMatch(/[\n\u001b\u2028]/);
    expect(line).not.toContain('RESULT-SECRET');
  }
  expect(JSON.stringify(rig.log[0])).not.toContain('SECRET');
});

it('AU5 the decision is on record before the first byte goes out', async () => {
  const order: string[] = [];
  const wrapPoint = (point: Point): Point => ({
    ...point,
    ask: (request, options) => {
      const verdict = point.ask(request, options);
      order.push(`record ${request.kind}`);
      return verdict;
    },
  });
  await start({ wrapPoint });
  rig.upstream.on('tools/call', ({ answer }) => {
    order.push('server');
    answer({ result: { content: [] } });
  });
  await rig.legacy(await rig.begin(), 'tools/call', ISSUE);
  expect(order).toEqual(['record tool', 'server']);
});

it('sends nothing once the log takes no more records', async () => {
  let isOpen = true;
  await start({
    wrapPoint: (point) => ({
      ...point,
      ask: (request, options) =>
        isOpen
          ? point.ask(request, options)
          : {
              allowed: false,
              decision: { ...point.ask(request, options).decision, effect: 'deny' },
            },
    }),
  });
  const session = await rig.begin();
  await rig.legacy(session, 'tools/call', ISSUE);
  isOpen = false;
  const { message } = await rig.legacy(session, 'tools/call', ISSUE);
  expect(message).toMatchObject({ result: { isError: true } });
  expect(rig.upstream.of('tools/call')).toHaveLength(1);
});

it('denies and answers when a part of it throws', async () => {
  for (const broken of ['outgoing', 'incoming'] as const) {
    await start({
      content: {
        ...passContent,
        [broken]: () => {
          throw new Error('broken');
        },
      },
    });
    const { status, text } = await rig.modern('tools/call', ISSUE);
    expect(text).not.toContain('broken');
    if (broken === 'outgoing') {
      expect(status).toBe(500);
      expect(rig.upstream.of('tools/call')).toHaveLength(0);
    } else expect(text).toContain('could not be read');
    if (broken === 'outgoing') await rig.close();
  }
});
