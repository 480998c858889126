import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Request } from '../../../src/model/request.ts';
import { rules } from '../../support/mcp/fakes.ts';
import { createRig, type Rig } from '../../support/mcp/rig.ts';

let rig: Rig;
afterEach(() => rig.close());

const onlyEcho = rules(
  (request: Request) =>
    request.kind === 'tool' &&
    request.tool === 'echo' &&
    (request.arguments as { text?: string } | undefined)?.text !== 'no',
);

describe.each(['legacy', 'modern'] as const)('an agent of the %s era', (era) => {
  let session: Record<string, string> = {};
  const ask = (method: string, params?: Record<string, unknown>) =>
    era === 'legacy' ? rig.legacy(session, method, params) : rig.modern(method, params);

  beforeEach(async () => {
    rig = await createRig({ decide: onlyEcho });
    if (era === 'legacy') session = await rig.begin();
  });

  it('is shown the tools that it may call', async () => {
    const { message } = await ask('tools/list');
    expect(message).toMatchObject({ id: 1, result: { tools: [{ name: 'echo' }] } });
    expect((message['result'] as { tools: unknown[] }).tools).toHaveLength(1);
  });

  it('gets the result of a call that is allowed, and the call is on record', async () => {
    const { message } = await ask('tools/call', { name: 'echo', arguments: { text: 'hi' } });
    expect(message).toMatchObject({
      id: 1,
      result: { content: [{ type: 'text', text: 'said: hi' }] },
    });
    expect(rig.upstream.of('tools/call')).toHaveLength(1);
    expect(rig.decisions()).toMatchObject([
      {
        request: 'tool gh/echo',
        effect: 'allow',
        mcp: { method: 'tools/call', arguments: ['text'] },
      },
    ]);
    expect(rig.log.find(({ type }) => type === 'outcome')).toMatchObject({
      method: 'tools/call',
      name: 'echo',
      server: 'gh',
      status: 'ok',
    });
    expect(JSON.stringify(rig.log)).not.toContain('"hi"');
  });

  it('is told rule and reason of a call that is denied, and the server hears nothing', async () => {
    const { message } = await ask('tools/call', { name: 'echo', arguments: { text: 'no' } });
    expect(message).toMatchObject({
      id: 1,
      result: {
        isError: true,
        content: [
          {
            type: 'text',
            text: expect.stringContaining('denied by policy: builtin/default') as string,
          },
        ],
        _meta: { 'agent-sandbox/decision': { effect: 'deny', rule: 'builtin/default' } },
      },
    });
    expect(rig.upstream.of('tools/call')).toHaveLength(0);
    expect(rig.decisions()).toHaveLength(1);
  });

  it('BP10 hears of a hidden tool what it hears of one that does not exist', async () => {
    const hidden = await ask('tools/call', { name: 'danger', arguments: {} });
    const missing = await ask('tools/call', { name: 'nothing', arguments: {} });
    expect(hidden.message).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32602, message: 'Unknown tool: danger' },
    });
    expect(missing.message).toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: { code: -32602, message: 'Unknown tool: nothing' },
    });
    expect(missing.status).toBe(hidden.status);
    expect(rig.upstream.of('tools/call')).toHaveLength(0);
  });
});
