// The one address for all servers: what is called there is judged, sent and recorded as on the server's own, under the names that the
// server knows; and no name of one server's leads to another. The servers are the witnesses.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { shownName } from '../../../src/enforce/mcp/pins/names.ts';
import type { Request } from '../../../src/model/request.ts';
import { rules } from '../../support/mcp/fakes.ts';
import { createRecorder, type Json, type Recorder } from '../../support/mcp/recorder.ts';
import { createRig, MODERN, readAnswer, type Rig, type RigOptions } from '../../support/mcp/rig.ts';

let rig: Rig;
/** the server `files`; `gh` is the rig's own */
let files: Recorder;
async function start(options: RigOptions = {}): Promise<void> {
  rig = await createRig({ path: '/mcp', filesUrl: files.url, ...options });
}
beforeEach(async () => {
  files = await createRecorder();
  await start();
});
afterEach(async () => {
  await rig.close();
  await files.close();
});
async function again(options: RigOptions): Promise<void> {
  await rig.close();
  await start(options);
}

const inputSchema = { type: 'object', properties: { text: { type: 'string' } } };
const tool = (name: string): Json => ({ name, inputSchema });
const namesOf = (message: Json): string[] =>
  (((message['result'] as Json | undefined)?.['tools'] ?? []) as Json[]).map((one) =>
    String(one['name']),
  );
const calls = (server: Recorder) =>
  server.of('tools/call').map(({ message }) => (message['params'] as Json)['name']);
const unknown = (name: string) => ({ error: { code: -32602, message: `Unknown tool: ${name}` } });
const recorded = (request: string) =>
  rig.decisions().filter((one) => one.request === request && one.surface === 'mcp');

describe.each(['legacy', 'modern'] as const)('in the %s era', (era) => {
  async function agent(): Promise<(method: string, params?: Json) => Promise<Json>> {
    if (era === 'modern')
      return async (method, params) => (await rig.modern(method, params)).message;
    const session = await rig.begin();
    return async (method, params) => (await rig.legacy(session, method, params)).message;
  }

  it('NM1 two servers with a tool of one name have two, and the bare name is none', async () => {
    rig.upstream.tools = [tool('search')];
    files.tools = [tool('search')];
    const ask = await agent();
    expect(namesOf(await ask('tools/list'))).toEqual(['gh__search', 'files__search']);
    const answer = await ask('tools/call', { name: 'files__search', arguments: { text: 'x' } });
    expect(answer).toMatchObject({ result: { content: [{ text: 'said: x' }] } });
    expect([calls(rig.upstream), calls(files)]).toEqual([[], ['search']]);
    expect(recorded('tool files/search')).toMatchObject([
      { effect: 'allow', rule: { id: 'repo/mcp.allow[0]' }, mcp: { method: 'tools/call' } },
    ]);
    expect(await ask('tools/call', { name: 'search', arguments: {} })).toMatchObject(
      unknown('search'),
    );
    expect([calls(rig.upstream), calls(files)]).toEqual([[], ['search']]);
    expect(recorded('tool */search')).toMatchObject([{ effect: 'deny' }]);
  });

  it('NM2 the first separator ends the name of the server', async () => {
    rig.upstream.tools = [tool('b__c')];
    const ask = await agent();
    await ask('tools/call', { name: 'gh__b__c', arguments: {} });
    expect(calls(rig.upstream)).toEqual(['b__c']);
    for (const name of ['gh__b', '__b', 'files__gh__b__c', 'gh', 'GH__b__c', 'nobody__b__c', ''])
      expect(await ask('tools/call', { name, arguments: {} })).toMatchObject(unknown(name));
    expect([calls(rig.upstream), calls(files)]).toEqual([['b__c'], []]);
  });

  it.each(['ｇｈ__echo', 'gh__ｅcho', 'gh__еcho', 'gh_＿echo', 'gh__echo\u200b'])(
    'NM4 names are bytes: %j is another',
    async (name) => {
      const ask = await agent();
      expect(await ask('tools/call', { name, arguments: {} })).toHaveProperty('error.code', -32602);
      expect([calls(rig.upstream), calls(files)]).toEqual([[], []]);
      expect(rig.decisions().filter(({ effect }) => effect === 'deny')).toHaveLength(1);
    },
  );

  it('NM5 tools that are equal for as long as clients take are called each by its own name', async () => {
    const long = 'a'.repeat(70);
    rig.upstream.tools = [tool(`${long}1`), tool(`${long}2`), tool('short')];
    const ask = await agent();
    const names = namesOf(await ask('tools/list')).slice(0, 2);
    expect(names).toEqual([shownName('gh', `${long}1`), shownName('gh', `${long}2`)]);
    expect(names.every((name) => name.length <= 64)).toBe(true);
    for (const name of names) await ask('tools/call', { name, arguments: {} });
    expect(calls(rig.upstream)).toEqual([`${long}1`, `${long}2`]);
    expect(recorded(`tool gh/${long}2`)).toMatchObject([{ effect: 'allow' }]);
    // By the name that is not shown it is unknown, as any that is not there.
    const whole = `gh__${long}1`;
    expect(await ask('tools/call', { name: whole, arguments: {} })).toMatchObject(unknown(whole));
    expect(calls(rig.upstream)).toHaveLength(2);
  });

  it('NM5 a long name can be called before it was listed', async () => {
    const long = 'b'.repeat(80);
    rig.upstream.tools = [tool(long)];
    const ask = await agent();
    await ask('tools/call', { name: shownName('gh', long), arguments: {} });
    expect(calls(rig.upstream)).toEqual([long]);
  });

  it('NM5 two that are shown by one name are neither shown nor called, and that is on record', async () => {
    const long = 'c'.repeat(80);
    const shown = shownName('gh', long);
    const twin = shown.slice('gh__'.length);
    rig.upstream.tools = [tool(long), tool(twin), tool('echo')];
    const ask = await agent();
    expect(namesOf(await ask('tools/list')).filter((name) => name.startsWith('gh__'))).toEqual([
      'gh__echo',
    ]);
    expect(await ask('tools/call', { name: shown, arguments: {} })).toMatchObject(unknown(shown));
    expect(calls(rig.upstream)).toEqual([]);
    expect(recorded(`tool gh/${twin}`)).toMatchObject([
      { effect: 'deny', rule: { id: 'builtin/mcp-twin' } },
    ]);
    expect(rig.alerts()).toContain('tools that are shown by one name were left out');
  });

  it('NM8 the name that a server gives itself is nobody', async () => {
    files.on('initialize', ({ answer, message, response }) => {
      response.setHeader('mcp-session-id', 's');
      const { protocolVersion } = message['params'] as Json;
      const serverInfo = { name: 'gh', version: '1' };
      answer({ result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
    });
    const ask = await agent();
    await ask('tools/list');
    await ask('tools/call', { name: 'gh__echo', arguments: {} });
    expect([calls(rig.upstream), calls(files)]).toEqual([['echo'], []]);
  });

  it('BP10 a tool that rules hide is one that does not exist, and its rule is on record', async () => {
    await again({
      decide: rules((request: Request) => request.kind !== 'tool' || request.tool !== 'danger'),
    });
    const ask = await agent();
    expect(namesOf(await ask('tools/list'))).not.toContain('gh__danger');
    const name = 'gh__danger';
    expect(await ask('tools/call', { name, arguments: {} })).toMatchObject(unknown(name));
    expect(await ask('tools/call', { name: 'gh__none', arguments: {} })).toMatchObject(
      unknown('gh__none'),
    );
    expect(recorded('tool gh/danger')).toMatchObject([{ rule: { id: 'builtin/default' } }]);
    expect(calls(rig.upstream)).toEqual([]);
  });

  it('prompts are called as tools are', async () => {
    const ask = await agent();
    expect(await ask('prompts/list')).toMatchObject({
      result: { prompts: [{ name: 'gh__hello' }, { name: 'files__hello' }] },
    });
    await ask('prompts/get', { name: 'files__hello' });
    expect(rig.upstream.of('prompts/get')).toHaveLength(0);
    expect(files.of('prompts/get')).toMatchObject([{ message: { params: { name: 'hello' } } }]);
    expect(recorded('prompt files/hello')).toMatchObject([{ effect: 'allow' }]);
    expect(await ask('prompts/get', { name: 'hello' })).toMatchObject({
      error: { code: -32602, message: 'Unknown prompt: hello' },
    });
  });

  it('resources have their server in front of their URI, in lists, results and requests', async () => {
    const uri = 'file:///workspace/a';
    files.on('resources/read', ({ answer, message }) =>
      answer({
        result: {
          ...(era === 'modern' && { resultType: 'complete' }),
          contents: [{ uri: (message['params'] as Json)['uri'], text: 'of files' }],
        },
      }),
    );
    const ask = await agent();
    expect(await ask('resources/list')).toMatchObject({
      result: { resources: [{ uri: `mcp+gh+${uri}` }, { uri: `mcp+files+${uri}` }] },
    });
    expect(await ask('resources/read', { uri: `mcp+files+${uri}` })).toMatchObject({
      result: { contents: [{ uri: `mcp+files+${uri}`, text: 'of files' }] },
    });
    expect(rig.upstream.of('resources/read')).toHaveLength(0);
    expect(files.of('resources/read')).toMatchObject([{ message: { params: { uri } } }]);
    expect(recorded(`resource files ${uri}`)).toMatchObject([{ effect: 'allow' }]);
    for (const other of [uri, `mcp+nobody+${uri}`, `MCP+files+${uri}`, 'mcp+files+'])
      expect(await ask('resources/read', { uri: other })).toHaveProperty('error');
    expect(files.of('resources/read')).toHaveLength(1);
  });

  it('links in what a tool says lead back to its server', async () => {
    const uri = 'file:///workspace/b';
    files.on('tools/call', ({ answer }) =>
      answer({
        result: {
          ...(era === 'modern' && { resultType: 'complete' }),
          content: [
            { type: 'resource_link', uri, name: 'b' },
            { type: 'resource', resource: { uri, text: 'x' } },
            { type: 'text', text: uri },
          ],
        },
      }),
    );
    const ask = await agent();
    expect(await ask('tools/call', { name: 'files__echo', arguments: {} })).toMatchObject({
      result: {
        content: [
          { uri: `mcp+files+${uri}` },
          { resource: { uri: `mcp+files+${uri}` } },
          { text: uri },
        ],
      },
    });
  });

  it('a server that cannot be asked is left out of lists, and its calls are on record', async () => {
    await files.close();
    const ask = await agent();
    expect(namesOf(await ask('tools/list'))).toEqual([
      'gh__echo',
      'gh__danger',
      'gh__create_issue',
    ]);
    expect(await ask('tools/call', { name: 'files__echo', arguments: {} })).toHaveProperty(
      'error.code',
      5020,
    );
    expect(recorded('tool files/echo')).toMatchObject([
      { effect: 'deny', rule: { id: 'builtin/mcp-unserved' } },
    ]);
    expect(await ask('tools/call', { name: 'gh__echo', arguments: { text: 'y' } })).toMatchObject({
      result: { content: [{ text: 'said: y' }] },
    });
    files = await createRecorder();
  });

  it('what no method has is refused as on the route of a server', async () => {
    const ask = await agent();
    expect(await ask('acme/exec')).toMatchObject({ error: { code: -32601 } });
    expect(await ask('tasks/list')).toMatchObject({ error: { code: -32601 } });
    expect(await ask('tools/list', { cursor: 'x' })).toMatchObject({ error: { code: -32602 } });
    expect(rig.decisions()).toMatchObject([
      { request: 'feature */acme/exec', rule: { id: 'builtin/mcp-unknown-method' } },
      { request: 'feature */tasks/list', rule: { id: 'builtin/mcp-tasks' } },
    ]);
  });

  it('completions go to the server of the prompt', async () => {
    const ask = await agent();
    const argument = { name: 'a', value: 'v' };
    const complete = (ref: Json) => ask('completion/complete', { ref, argument });
    expect(await complete({ type: 'ref/prompt', name: 'files__hello' })).toHaveProperty('result');
    expect(files.of('completion/complete')).toMatchObject([
      { message: { params: { ref: { type: 'ref/prompt', name: 'hello' } } } },
    ]);
    expect(await complete({ type: 'ref/prompt', name: 'hello' })).toHaveProperty('error');
    expect(rig.upstream.of('completion/complete')).toHaveLength(0);
  });
});

describe('a session with all servers', () => {
  it('begins with an answer of the gateway, and with each server when it is needed', async () => {
    const session = await rig.begin();
    expect(rig.upstream.received.length + files.received.length).toBe(0);
    const call = { name: 'files__echo', arguments: { text: 'x' } };
    await Promise.all([
      rig.legacy(session, 'tools/call', call, 1),
      rig.legacy(session, 'tools/call', call, 2),
    ]);
    expect(rig.upstream.received).toHaveLength(0);
    expect(files.of('initialize')).toMatchObject([
      { message: { params: { protocolVersion: '2025-11-25' } } },
    ]);
    expect(files.of('notifications/initialized')).toHaveLength(1);
    expect(files.of('tools/call').map(({ headers }) => headers['mcp-session-id'])).toEqual([
      'session-of-the-server',
      'session-of-the-server',
    ]);
  });

  it('says what one of the servers can do and rules leave of it', async () => {
    await again({
      decide: rules((request: Request) => request.kind !== 'feature' || request.name !== 'logging'),
    });
    const { message } = await rig.send({
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2099-01-01', capabilities: {} },
    });
    expect(message).toMatchObject({
      result: {
        protocolVersion: '2025-11-25',
        serverInfo: { name: 'agent-sandbox' },
        capabilities: { tools: {}, prompts: {}, resources: {}, completions: {} },
      },
    });
    expect(message).not.toHaveProperty('result.capabilities.logging');
    await rig.gateway.start('gh');
    rig.upstream.capabilities = files.capabilities = { tools: {} };
    const { message: found } = await rig.modern('server/discover');
    expect(found).toMatchObject({ result: { capabilities: { tools: { listChanged: true } } } });
  });

  it('ends with those of all servers', async () => {
    const session = await rig.begin();
    await rig.legacy(session, 'tools/list');
    const { status } = await rig.send(undefined, { method: 'DELETE', headers: session });
    expect(status).toBe(200);
    await expect.poll(() => [rig.upstream.ends, files.ends]).toEqual([1, 1]);
    expect((await rig.legacy(session, 'tools/list')).status).toBe(404);
  });

  it('PR23 is no session of a server, nor the other way round', async () => {
    const all = await rig.begin();
    const one = await rig.send(
      {
        jsonrpc: '2.0',
        id: 0,
        method: 'initialize',
        params: { protocolVersion: '2025-11-25', capabilities: {} },
      },
      { path: '/mcp/gh' },
    );
    const own = { 'mcp-session-id': String(one.headers['mcp-session-id']) };
    expect((await rig.legacy(own, 'ping')).status).toBe(404);
    const other = { jsonrpc: '2.0', id: 1, method: 'ping' };
    expect((await rig.send(other, { path: '/mcp/gh', headers: all })).status).toBe(404);
    expect((await rig.send(undefined, { method: 'DELETE', headers: own })).status).toBe(404);
  });

  it('begins anew with a server that has forgotten it', async () => {
    const session = await rig.begin();
    const call = { name: 'files__echo', arguments: { text: 'x' } };
    await rig.legacy(session, 'tools/call', call);
    files.on('tools/call', ({ response }) => response.writeHead(404).end());
    expect((await rig.legacy(session, 'tools/call', call)).status).toBe(200);
    files.on('tools/call', ({ answer }) => answer({ result: { content: [] } }));
    expect((await rig.legacy(session, 'tools/call', call)).message).toHaveProperty('result');
    expect(files.of('initialize')).toHaveLength(2);
  });

  it('has one count of ids, and cancels a call where it runs', async () => {
    const session = await rig.begin();
    files.on('tools/call', () => undefined);
    const call = { name: 'files__echo', arguments: {} };
    const body = { jsonrpc: '2.0', id: 9, method: 'tools/call', params: call };
    const waiting = rig.open(body, { headers: session });
    await expect.poll(() => files.of('tools/call').length).toBe(1);
    expect((await rig.legacy(session, 'ping', {}, 9)).message).toMatchObject({
      error: { message: 'Bad Request: the id is in use' },
    });
    const params = { requestId: 9 };
    await rig.send(
      { jsonrpc: '2.0', method: 'notifications/cancelled', params },
      { headers: session },
    );
    await expect.poll(() => files.of('notifications/cancelled').length).toBe(1);
    expect(rig.upstream.of('notifications/cancelled')).toHaveLength(0);
    expect((await readAnswer(await waiting)).messages).toEqual([]);
  });

  it('asks the agent what a server asks, and answers that server', async () => {
    const session = await rig.begin({ sampling: {} });
    const params = {
      messages: [{ role: 'user', content: { type: 'text', text: 'q' } }],
      maxTokens: 5,
    };
    for (const server of [rig.upstream, files])
      server.on('tools/call', ({ event }) =>
        event({ jsonrpc: '2.0', id: 'own', method: 'sampling/createMessage', params }),
      );
    const ids: unknown[] = [];
    for (const [id, name] of ['gh__echo', 'files__echo'].entries()) {
      const body = { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: {} } };
      const stream = await rig.open(body, { headers: session });
      const text = await new Promise<string>((resolve) =>
        stream.once('data', (chunk: Buffer) => resolve(chunk.toString())),
      );
      ids.push((JSON.parse(text.slice(text.indexOf('{'))) as Json)['id']);
    }
    expect(new Set(ids).size).toBe(2);
    await rig.send(
      { jsonrpc: '2.0', id: ids[1], result: { role: 'assistant' } },
      { headers: session },
    );
    await rig.send({ jsonrpc: '2.0', id: 77, result: {} }, { headers: session });
    const replies = (server: Recorder) =>
      server.received.filter(({ message }) => message['id'] === 'own' && !('method' in message));
    await expect.poll(() => replies(files).length).toBe(1);
    expect(replies(rig.upstream)).toHaveLength(0);
    expect(rig.alerts()).toContain('an answer of the agent to no question was dropped');
  });

  it('hears on one stream what all servers say', async () => {
    const session = await rig.begin();
    await rig.legacy(session, 'tools/call', { name: 'gh__echo', arguments: {} });
    const stream = await rig.open(undefined, {
      method: 'GET',
      headers: { ...session, 'content-type': undefined },
    });
    const heard: string[] = [];
    stream.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
    await expect.poll(() => rig.upstream.streams.length).toBe(1);
    await rig.legacy(session, 'tools/call', { name: 'files__echo', arguments: {} });
    await expect.poll(() => files.streams.length).toBe(1);
    const say = (server: Recorder): void => {
      const params = { uri: 'file:///workspace/a' };
      const news = { jsonrpc: '2.0', method: 'notifications/resources/updated', params };
      server.streams[0]?.write(`data: ${JSON.stringify(news)}\n\n`);
    };
    say(rig.upstream);
    say(files);
    await expect.poll(() => heard.join('')).toContain('"uri":"mcp+files+file:///workspace/a"');
    expect(heard.join('')).toContain('"uri":"mcp+gh+file:///workspace/a"');
    // One that ends does not end the others.
    rig.upstream.streams[0]?.end();
    files.tools = [tool('new')];
    files.streams[0]?.write(
      `data: ${JSON.stringify({ jsonrpc: '2.0', method: 'notifications/tools/list_changed' })}\n\n`,
    );
    await expect.poll(() => heard.join('')).toContain('tools/list_changed');
    stream.destroy();
  });

  it('sets the level of messages where rules let it, and of no other server', async () => {
    const only = (id: string) =>
      rules(
        (one: Request) => one.kind !== 'feature' || one.name !== 'logging' || one.server === id,
      );
    await again({ decide: only('files') });
    const session = await rig.begin();
    const { message } = await rig.legacy(session, 'logging/setLevel', { level: 'debug' });
    expect(message).toMatchObject({ result: {} });
    expect(rig.upstream.of('logging/setLevel')).toHaveLength(0);
    expect(files.of('logging/setLevel')).toHaveLength(1);
    await again({ decide: only('nobody') });
    const other = await rig.begin();
    const denied = await rig.legacy(other, 'logging/setLevel', { level: 'debug' });
    expect(denied.message).toMatchObject({ error: { code: 4030 } });
  });

  it('PR23 is one of so many', async () => {
    await again({ limits: { sessions: 2 } });
    await rig.begin();
    await rig.begin();
    await expect(rig.begin()).rejects.toThrow('too many sessions');
  });
});

describe('a modern request', () => {
  it('PR8 says in its headers what its body says, by the name that is shown', async () => {
    files.tools = [
      {
        name: 'echo',
        inputSchema: {
          type: 'object',
          properties: { text: { type: 'string', 'x-mcp-header': 'Text' } },
        },
      },
    ];
    await rig.modern('tools/list');
    const params = { name: 'files__echo', arguments: { text: 'a' } };
    const without = await rig.modern('tools/call', params);
    expect(without).toMatchObject({ status: 400, message: { error: { code: -32020 } } });
    const wrong = await rig.modern('tools/call', params, { headers: { 'mcp-name': 'echo' } });
    expect(wrong.status).toBe(400);
    expect(files.of('tools/call')).toHaveLength(0);
    const right = await rig.modern('tools/call', params, { headers: { 'mcp-param-text': 'a' } });
    expect(right.status).toBe(200);
    expect(files.of('tools/call')).toMatchObject([
      { headers: { 'mcp-name': 'echo', 'mcp-param-text': 'a' } },
    ]);
  });

  it('listens to all servers at once', async () => {
    const notifications = {
      toolsListChanged: true,
      resourceSubscriptions: ['mcp+files+file:///workspace/a', 'file:///workspace/a'],
    };
    for (const server of [rig.upstream, files])
      server.on('subscriptions/listen', ({ event, message }) => {
        const meta = { 'io.modelcontextprotocol/subscriptionId': message['id'] };
        event({
          method: 'notifications/subscriptions/acknowledged',
          params: { notifications: (message['params'] as Json)['notifications'], _meta: meta },
        });
        event({
          method: 'notifications/resources/updated',
          params: { uri: 'file:///workspace/a', _meta: meta },
        });
      });
    const stream = await rig.open(
      {
        jsonrpc: '2.0',
        id: 'n',
        method: 'subscriptions/listen',
        params: {
          notifications,
          _meta: {
            'io.modelcontextprotocol/protocolVersion': MODERN,
            'io.modelcontextprotocol/clientCapabilities': {},
          },
        },
      },
      { headers: { 'mcp-protocol-version': MODERN, 'mcp-method': 'subscriptions/listen' } },
    );
    const heard: string[] = [];
    stream.on('data', (chunk: Buffer) => heard.push(chunk.toString()));
    await expect.poll(() => heard.join('')).toContain('"uri":"mcp+gh+file:///workspace/a"');
    await expect.poll(() => heard.join('')).toContain('"uri":"mcp+files+file:///workspace/a"');
    const events = heard.join('').match(/acknowledged/g);
    expect(events).toHaveLength(1);
    expect(heard.join('')).toContain(
      '"notifications":{"toolsListChanged":true,"resourceSubscriptions":["mcp+files+file:///workspace/a"]}',
    );
    const filters = [rig.upstream, files].map(
      (server) =>
        (server.of('subscriptions/listen')[0]?.message['params'] as Json)['notifications'],
    );
    expect(filters).toEqual([
      { toolsListChanged: true },
      { toolsListChanged: true, resourceSubscriptions: ['file:///workspace/a'] },
    ]);
    stream.destroy();
  });
});

it.each(['/mcp/', '/mcp?server=gh', '/MCP', '/mcp/*', '//mcp', '/mcp#x'])(
  'PR20 is at one exact path: %s is none',
  async (path) => {
    const { status } = await rig.send({ jsonrpc: '2.0', id: 1, method: 'ping' }, { path });
    expect(status).toBe(404);
  },
);

it('is closed to who has no bearer, and to messages that are none', async () => {
  const ping = { jsonrpc: '2.0', id: 1, method: 'ping' };
  expect((await rig.send(ping, { headers: { authorization: 'Bearer no' } })).status).toBe(401);
  expect((await rig.send('[{}]')).status).toBe(400);
  expect(rig.decisions()).toMatchObject([
    { request: 'feature */malformed-message', rule: { id: 'builtin/mcp-malformed' } },
  ]);
});
