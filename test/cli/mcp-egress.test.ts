// What a gateway by itself sends to a remote server counts against `limits.egress` of its policy.
import { afterAll, beforeAll, expect, it } from 'vitest';

import { CliRig, collect } from '../support/cli.ts';
import { createRecorder, type Json, type Recorder } from '../support/mcp/recorder.ts';

let rig: CliRig;
let upstream: Recorder;
beforeAll(async () => {
  rig = new CliRig();
  upstream = await createRecorder();
});
afterAll(async () => {
  await upstream.close();
  rig.remove();
});

it('RL7 sends no more than the session may send out', async () => {
  const policy = rig.policy(
    [
      'version: 1',
      'limits: {egress: 4KiB}',
      'mcp:',
      '  servers:',
      `    - {id: remote, url: "${upstream.url}"}`,
      '  allow:',
      '    - {server: remote, tools: [echo], arguments: {text: {type: string}}}',
    ].join('\n'),
  );
  const child = rig.start(['mcp', 'serve', '--json', '--policy', policy]);
  const ended = collect(child);
  try {
    const { servers, bearer } = await new Promise<{ servers: { url: string }[]; bearer: string }>(
      (resolve, reject) => {
        let text = '';
        child.stdout?.on('data', (chunk: Buffer) => {
          text += chunk.toString();
          if (text.trimEnd().endsWith('}')) resolve(JSON.parse(text) as never);
        });
        void ended.then(({ stderr }) => reject(new Error(stderr)));
      },
    );
    const call = async (text: string): Promise<Json> => {
      const _meta = {
        'io.modelcontextprotocol/protocolVersion': '2026-07-28',
        'io.modelcontextprotocol/clientCapabilities': {},
      };
      const params = { name: 'echo', arguments: { text }, _meta };
      const response = await fetch(servers[0]?.url ?? '', {
        method: 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': '2026-07-28',
          'mcp-method': 'tools/call',
          'mcp-name': 'echo',
        },
        body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params }),
      });
      return (await response.json()) as Json;
    };
    expect(await call('small')).toMatchObject({ result: { content: [{ text: 'said: small' }] } });
    expect(await call('a b '.repeat(2000))).toMatchObject({
      result: {
        isError: true,
        _meta: { 'agent-sandbox/decision': { rule: 'builtin/mcp-egress' } },
      },
    });
    expect(upstream.of('tools/call')).toHaveLength(1);
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
}, 60_000);
