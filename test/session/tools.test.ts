// The ways to remote tool servers of a session, and when it may begin: over real sockets to servers that record.
import { createServer, type AddressInfo } from 'node:net';
import { createSecureContext } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';

import { createBudget } from '../../src/enforce/egress/budget.ts';
import { NO_PROXIES } from '../../src/enforce/egress/upstream-proxy/setting.ts';
import { digestOf } from '../../src/enforce/mcp/pins/digest.ts';
import { createPoint } from '../../src/enforce/point.ts';
import { createQuotas } from '../../src/enforce/quotas.ts';
import type { JsonObject } from '../../src/model/credential.ts';
import type { LockedServer } from '../../src/model/mcp-lock.ts';
import type { GrantedServer } from '../../src/model/policy.ts';
import { Secret } from '../../src/model/secret.ts';
import { createDecider } from '../../src/policy/decide.ts';
import type { SessionPlan } from '../../src/session/plan.ts';
import { createRemoteDial, placeOf } from '../../src/session/tool-remote.ts';
import { openUpstream } from '../../src/session/tool-upstreams.ts';
import { openTools, type Tools } from '../../src/session/tools.ts';
import { policyOf } from '../policy/support.ts';
import { createRecorder, type Json, type Recorder } from '../support/mcp/recorder.ts';

const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const recorder = async (): Promise<Recorder> => {
  const one = await createRecorder();
  closers.push(() => one.close());
  return one;
};

const own = () => ({ id: 's', budget: createBudget(undefined), quotas: createQuotas() });

const parts = {
  directory: '/nonexistent',
  proxies: NO_PROXIES,
  vouch: false,
  start: () => Promise.reject(new Error('no machine is started here')),
};

const modern = {
  'io.modelcontextprotocol/protocolVersion': '2026-07-28',
  'io.modelcontextprotocol/clientCapabilities': {},
};

describe('a remote server with a credential', () => {
  it('gets it beside all that the protocol puts into headers', async () => {
    const server = await recorder();
    const policy = policyOf([
      [
        'repo',
        `mcp: {servers: [{id: gh, url: "${server.url.replace('127.0.0.1', 'localhost')}"}]}`,
      ],
    ]);
    const [granted] = policy.mcp.servers;
    const way = await openUpstream(
      { ...(granted as GrantedServer), credential: 'c' },
      {
        ...parts,
        plan: { policy, onProgress: () => undefined } as unknown as SessionPlan,
        own: own(),
        point: { append: () => true },
        credentials: { lend: () => Promise.resolve(new Secret('token-of-this-server')) },
        secureContext: createSecureContext(),
      },
    );
    closers.push(() => way.close());
    await way.upstream.post(
      { jsonrpc: '2.0', id: 1, method: 'tools/list', params: { _meta: modern } },
      {
        session: 'of-one-agent',
        headers: [['mcp-protocol-version', '2026-07-28']],
        signal: new AbortController().signal,
      },
    );
    expect(server.received[0]?.headers).toMatchObject({
      authorization: 'Bearer token-of-this-server',
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2026-07-28',
      'mcp-session-id': 'of-one-agent',
    });
  });
});

describe('a name of a remote server', () => {
  it('that begins like an address of the loopback does not lead there', async () => {
    let connections = 0;
    const listener = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    closers.push(() => void listener.close());
    const { port } = listener.address() as AddressInfo;
    const url = `https://127.server.invalid:${port}/mcp`;
    const dial = createRemoteDial({
      url,
      decide: createDecider(policyOf([['repo', '']])),
      proxies: NO_PROXIES,
      secureContext: createSecureContext(),
    });
    await expect(dial()).rejects.toThrow();
    expect(connections).toBe(0);
    expect(placeOf(url).isLoopback).toBe(false);
    for (const one of ['http://localhost/', 'http://127.0.0.1:1/', 'http://[::1]/'])
      expect(placeOf(one).isLoopback).toBe(true);
  });
});

const locked = (url: string, tools: Json[]): LockedServer => ({
  at: { kind: 'remote', url },
  era: 'modern',
  revision: '2026-07-28',
  serverInfo: { name: 'recorder', version: '1' },
  capabilities: {},
  tools: tools.map((definition) => ({
    digest: digestOf(definition as JsonObject),
    definition: definition as JsonObject,
  })),
  prompts: [],
  resources: [],
  templates: [],
});

async function tools(
  servers: Record<string, { at: Recorder; required: boolean; lock: Json[] }>,
  { rules = '', isFrozen = true }: { rules?: string; isFrozen?: boolean } = {},
) {
  const all = Object.entries(servers);
  const list = all.map(
    ([id, { at, required }]) => `{id: ${id}, url: "${at.url}", required: ${required}}`,
  );
  const policy = policyOf([['repo', `mcp: {servers: [${list.join(', ')}]${rules}}`]]);
  expect(policy.mcp.servers).toHaveLength(all.length);
  const decide = createDecider(policy);
  const toolLock = {
    version: 1 as const,
    servers: Object.fromEntries(all.map(([id, { at, lock }]) => [id, locked(at.url, lock)])),
  };
  const log = { append: () => ({ seq: 1, id: '1' }) };
  const opened: Tools = await openTools({
    ...parts,
    plan: {
      policy,
      toolLock,
      frozenTools: isFrozen,
      onProgress: () => undefined,
    } as unknown as SessionPlan,
    own: own(),
    point: createPoint({ decide, log, mode: 'enforce' }),
    credentials: undefined,
    ca: [],
    decide,
    names: ['mcp.sandbox.internal'],
  });
  closers.push(() => opened.close());
  return opened;
}

const plain = async (definitions: Json[]): Promise<Recorder> => {
  const server = await recorder();
  server.tools = definitions;
  server.prompts = [];
  server.resources = [];
  server.capabilities = {};
  return server;
};

const tool = (name: string, description = 'does it'): Json => ({
  name,
  description,
  inputSchema: { type: 'object' },
});

describe('with --frozen', () => {
  it('a session begins where required servers are what was reviewed', async () => {
    const at = await plain([tool('a')]);
    await (await tools({ one: { at, required: true, lock: [tool('a')] } })).ready();
  });

  it('a required server that differs is found, however much another differs', async () => {
    const loud = await plain(Array.from({ length: 1500 }, (_, i) => tool(`t${i}`)));
    const quiet = await plain([tool('a', 'does something else')]);
    let heard: () => void = () => undefined;
    const isLoud = new Promise<void>((resolve) => (heard = resolve));
    loud.on('resources/templates/list', ({ answer }) => {
      answer({ result: { resultType: 'complete', resourceTemplates: [] } });
      heard();
    });
    quiet.on('server/discover', ({ answer }) => {
      void isLoud.then(() =>
        answer({
          result: {
            resultType: 'complete',
            supportedVersions: ['2026-07-28'],
            capabilities: {},
            _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'recorder', version: '1' } },
          },
        }),
      );
    });
    const opened = await tools({
      loud: { at: loud, required: false, lock: [] },
      quiet: { at: quiet, required: true, lock: [tool('a')] },
    });
    await expect(opened.ready()).rejects.toMatchObject({ code: 'MCP_SERVER_MISSING' });
  });
});

describe('a required server', () => {
  it('that lists nothing at all is missing, and not a session without tools', async () => {
    const at = await plain([]);
    at.on('tools/list', ({ answer }) => answer({ error: { code: -32601, message: 'none such' } }));
    const opened = await tools({ one: { at, required: true, lock: [] } });
    await expect(opened.ready()).rejects.toMatchObject({ code: 'MCP_SERVER_MISSING' });
  });

  const ready = async (at: Recorder, lock: Json[], rules: string, required = true): Promise<void> =>
    (await tools({ one: { at, required, lock } }, { rules, isFrozen: false })).ready();
  const NAMED = ', allow: [{server: one, tools: ["*"], prompts: ["*"]}]';
  const missing = (why: string) => ({
    code: 'MCP_SERVER_MISSING',
    message: `the tool server "one" cannot be used: ${why}`,
  });
  const NONE_LEFT =
    'no tool is left that the policy allows: each is refused, or is not what was reviewed';

  it('whose every tool has drifted is missing', async () => {
    const at = await plain([tool('a', 'other'), tool('b', 'other'), tool('new')]);
    const lock = [tool('a'), tool('b')];
    await expect(ready(at, lock, NAMED)).rejects.toMatchObject(missing(NONE_LEFT));
    await ready(at, lock, NAMED, false);
    // One that is as it was is enough.
    at.tools = [tool('a'), tool('b', 'other')];
    await ready(at, lock, NAMED);
  });

  it('whose tools that rules allow are refused is missing, whatever else it has', async () => {
    const at = await plain([tool('a', 'other'), tool('b')]);
    const only = ', allow: [{server: one, tools: [a]}]';
    await expect(ready(at, [tool('a'), tool('b')], only)).rejects.toMatchObject(missing(NONE_LEFT));
    at.prompts = [{ name: 'p' }];
    await expect(ready(at, [tool('a'), tool('b')], NAMED)).resolves.toBeUndefined();
  });

  it('that has none of the tools that rules name is missing', async () => {
    const at = await plain([tool('a')]);
    const other = ', allow: [{server: "o*", tools: [b]}]';
    await expect(ready(at, [tool('a')], other)).rejects.toMatchObject(
      missing('it has no tool that the policy allows'),
    );
    await expect(
      ready(at, [tool('a')], `${NAMED}, deny: [{server: one, tools: [a]}]`),
    ).rejects.toMatchObject(missing('it has no tool that the policy allows'));
  });

  it('[ctl] of which rules name no tools begins without any', async () => {
    const at = await plain([tool('a', 'other')]);
    await ready(
      at,
      [tool('a')],
      ', allow: [{server: two, tools: ["*"]}, {server: one, prompts: ["*"]}]',
    );
  });
});
