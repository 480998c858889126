// AU2: whoever calls something by a name that holds a live value finds it neither on record nor in what the gateway says.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { createContent } from '../../../src/enforce/mcp/content/create-content.ts';
import { createPins } from '../../../src/enforce/mcp/pins/create-pins.ts';
import { createScanner } from '../../../src/enforce/scan/scanner.ts';
import type { Decision } from '../../../src/model/decision.ts';
import { Secret } from '../../../src/model/secret.ts';
import { rules } from '../../support/mcp/fakes.ts';
import type { Json } from '../../support/mcp/recorder.ts';
import { createRig, type Rig, type RigOptions } from '../../support/mcp/rig.ts';
import { CANARY, KEY } from './content/support.ts';

const BASE64 = Buffer.from(CANARY).toString('base64');
const SPELLINGS = [
  CANARY,
  BASE64,
  CANARY.toLowerCase(),
  `${CANARY.slice(0, 9)}.${CANARY.slice(9)}`,
];

let rig: Rig;
const said: string[] = [];
async function start(options: RigOptions & { arguments?: 'block' | 'report' }): Promise<void> {
  const known = createScanner();
  known.add({ credential: 'c', secret: new Secret(CANARY), replacement: 'PLACEHOLDER' });
  const { arguments: action = 'block', ...others } = options;
  const secrets = { arguments: action, results: 'redact' as const };
  rig = await createRig({
    pins: createPins({}),
    content: createContent({ known, secrets, key: KEY }),
    edit: (request: unknown) => `add ${JSON.stringify(request)}`,
    ...others,
  });
}
async function ask(method: string, params: Json): Promise<Json> {
  const { message, text } = await rig.modern(method, params);
  said.push(text);
  return message;
}
function expectUnsaid(spelling: string): void {
  const all = JSON.stringify(rig.log);
  expect(all).not.toContain(spelling);
  expect(said.join()).not.toContain(spelling);
}
beforeEach(() => said.splice(0));
afterEach(() => rig.close());

describe.each(SPELLINGS)('the value as %s', (value) => {
  it.each([
    ['of a tool', 'tools/call', { name: value, arguments: {} }],
    ['of a prompt', 'prompts/get', { name: `p-${value}` }],
    ['of a resource', 'resources/read', { uri: `file:///workspace/${value}` }],
    ['of a method', `tools/${value}`, {}],
    ['of an argument', 'tools/call', { name: 'echo', arguments: { [value]: 1 } }],
  ])('as a name %s is on record without it, and told without it', async (_, method, params) => {
    for (const isAllowed of [true, false])
      for (const action of ['block', 'report'] as const) {
        await start({ arguments: action, decide: rules(() => isAllowed) });
        for (const path of ['/mcp/gh', '/mcp']) {
          const before = rig.decisions().length;
          const meta = {
            'io.modelcontextprotocol/protocolVersion': '2026-07-28',
            'io.modelcontextprotocol/clientCapabilities': {},
          };
          const name = 'name' in params ? params.name : undefined;
          const shown = path === '/mcp' && name !== undefined ? { name: `gh__${name}` } : {};
          const sent = { ...params, ...shown } as Json;
          const header = sent['name'] ?? sent['uri'];
          const { text } = await rig.send(
            { jsonrpc: '2.0', id: 1, method, params: { ...sent, _meta: meta } },
            {
              path,
              headers: {
                'mcp-protocol-version': '2026-07-28',
                'mcp-method': method,
                ...(typeof header === 'string' && { 'mcp-name': header }),
              },
            },
          );
          said.push(text);
          expect(rig.decisions().length).toBe(before + 1);
        }
        expectUnsaid(value);
        expect(JSON.stringify(rig.decisions())).toMatch(/REDACTED|a name in it|\/echo/);
        await rig.close();
      }
    await start({});
  });
});

it('a reason of the rules that says a name is not said', async () => {
  const decide = (): Decision => ({
    ...rules(() => false)({ kind: 'tool', server: 'gh', tool: 'echo' }),
    reason: `allows it with other arguments: \`${CANARY}\``,
  });
  await start({ arguments: 'report', decide, mode: 'audit' });
  await ask('tools/call', { name: 'echo', arguments: { [CANARY]: 1 } });
  expectUnsaid(CANARY);
  expect(rig.decisions()).toMatchObject([
    { request: 'tool gh/echo', reason: 'a name in it holds a secret' },
  ]);
});

it('what a server says of itself is told without it where it differs', async () => {
  await start({});
  rig.upstream.instructions = 'be good';
  await rig.begin();
  rig.upstream.instructions = `use ${CANARY}`;
  await rig.begin();
  expect(rig.alerts().filter((one) => one.startsWith('drift:'))).not.toEqual([]);
  expectUnsaid(CANARY);
});

it('[ctl] names that hold none are on record as they are', async () => {
  await start({});
  await ask('tools/call', { name: 'echo', arguments: { text: 'x', other: 1 } });
  await ask('tools/call', { name: 'none', arguments: {} });
  expect(rig.decisions()).toMatchObject([
    { request: 'tool gh/echo', mcp: { arguments: ['text', 'other'] } },
    { request: 'tool gh/none' },
  ]);
  expect(said.join()).toContain('Unknown tool: none');
});

describe('a level of log messages', () => {
  it.each(['debug', 'emergency'])('%s is one', async (level) => {
    await start({});
    const session = await rig.begin();
    const { message } = await rig.legacy(session, 'logging/setLevel', { level });
    expect(message).toMatchObject({ result: {} });
    expect(rig.upstream.of('logging/setLevel')).toHaveLength(1);
  });

  it.each(['', 'DEBUG', 'trace', 'debug ', CANARY, 'constructor'])('%j is none', async (level) => {
    await start({});
    const session = await rig.begin();
    const { message } = await rig.legacy(session, 'logging/setLevel', { level });
    expect(message).toMatchObject({ error: { code: -32602 } });
    expect(rig.upstream.of('logging/setLevel')).toHaveLength(0);
    const meta = { 'io.modelcontextprotocol/logLevel': level };
    const { status } = await rig.modern('tools/list', {}, { meta });
    expect(status).toBe(400);
  });
});
