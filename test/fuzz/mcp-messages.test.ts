// Calls that are allowed, bent in their structure and sent through a whole gateway: whatever of them reaches the server means what was
// judged to every reader of JSON, and is nothing but that.
import { afterAll, beforeAll, expect, it } from 'vitest';

import type { JsonObject } from '../../src/model/credential.ts';
import type { Request } from '../../src/model/request.ts';
import { rules } from '../support/mcp/fakes.ts';
import { createRig, MODERN, type Rig } from '../support/mcp/rig.ts';
import { bend } from '../support/mcp/bend.ts';
import { parseAs, READERS } from '../support/mcp/json-readers.ts';
import { createRandom } from '../support/random.ts';

const ROUNDS = 1000;
const META = {
  'io.modelcontextprotocol/protocolVersion': MODERN,
  'io.modelcontextprotocol/clientCapabilities': {},
};
const ARGUMENTS: readonly [JsonObject, ...JsonObject[]] = [
  { text: 'x' },
  { path: '/workspace/a..b/ü', options: { deep: [1, 2.5, { more: true }], none: null } },
  { body: 'é "quoted" \\ \u2028 😀', count: 0, list: [[], {}] },
  { repo: 'octo/x', title: '', number: -12, flags: [false, true] },
];

/** Minus zero is zero in JSON as it is written. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

let rig: Rig;
const judged: Request[] = [];
beforeAll(async () => {
  const allow = rules(({ kind }) => kind !== 'feature');
  rig = await createRig({
    decide: (request) => {
      if ('arguments' in request) judged.push(request);
      return allow(request);
    },
  });
  await rig.modern('tools/list');
  await rig.modern('prompts/list');
});
afterAll(() => rig.close());

it('forwards nothing but what was judged, the same to three readers', async () => {
  const random = createRandom('mcp messages');
  const session = await rig.begin();
  const counts = { sent: 0, refused: 0 };
  for (let round = 0; round < ROUNDS; round++) {
    const isModern = random.chance(0.5);
    const name = random.pick(['echo', 'danger']);
    const params: JsonObject = {
      name,
      arguments: random.pick(ARGUMENTS),
      ...(isModern && { _meta: META }),
    };
    const message = { jsonrpc: '2.0', id: round, method: 'tools/call', params };
    const body = bend(random, message);
    judged.length = 0;
    rig.upstream.received.length = 0;
    const modern = { 'mcp-protocol-version': MODERN, 'mcp-method': 'tools/call', 'mcp-name': name };
    const answer = await rig.send(body, { headers: isModern ? modern : session });
    const sent = rig.upstream.received.filter(({ message: one }) => 'method' in one);
    const calls = sent.filter(({ message: one }) => one['method'] === 'tools/call');
    if (calls.length === 0) {
      counts.refused++;
      expect(answer.status === 202 || 'error' in answer.message, body).toBe(true);
      continue;
    }
    counts.sent++;
    expect(calls).toHaveLength(1);
    const [call] = calls;
    const [request] = judged.slice(-1);
    if (call === undefined || request?.kind !== 'tool') throw new Error(body);
    const views = READERS.map((reader) => parseAs(reader, call.raw) as { params: JsonObject });
    for (const view of views) {
      expect(view).toEqual(call.message);
      expect(view.params['name']).toBe(request.tool);
      expect(view.params['arguments'] ?? {}).toEqual(request.arguments);
      expect(Object.keys(view).sort()).toEqual(['id', 'jsonrpc', 'method', 'params']);
      for (const key of Object.keys(view.params))
        expect(['name', 'arguments', '_meta']).toContain(key);
    }
    // What one of the readers would have made of the agent's own bytes is what was judged: else the message had two readings.
    for (const reader of READERS) {
      const view = plain(parseAs(reader, body)) as { params: JsonObject };
      expect(view.params['name'], body).toBe(request.tool);
      expect(view.params['arguments'] ?? {}, body).toEqual(request.arguments);
    }
  }
  expect(counts.sent).toBeGreaterThan(ROUNDS / 10);
  expect(counts.refused).toBeGreaterThan(ROUNDS / 10);
});
