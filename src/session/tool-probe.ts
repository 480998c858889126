// Asks a tool server, through the gateway and as an agent would, for all it has. What it answers goes past the pins: so a server is
// known to be there, and to be what was reviewed, before the agent starts.

import { request, type IncomingMessage } from 'node:http';
import { duplexPair, type Duplex } from 'node:stream';

import type { JsonObject } from '../model/credential.ts';
import { messageOf } from '../model/error.ts';

export const LEGACY = '2025-11-25';
export const MODERN = '2026-07-28';
const META = 'io.modelcontextprotocol';
const CLIENT = { name: 'agent-sandbox', version: '1' };
/** what a capability lets be listed */
const LISTS: Readonly<Record<string, readonly string[]>> = {
  tools: ['tools/list'],
  prompts: ['prompts/list'],
  resources: ['resources/list', 'resources/templates/list'],
};

export interface ProbeOptions {
  /** the gateway's */
  serve: (stream: Duplex) => void;
  bearer: string;
  /** value of Host */
  name: string;
  /** of the gateway, for one server */
  path: string;
  /** milliseconds for all of it */
  timeout: number;
}

/** Undefined when the server has answered all; else what is wrong, in one clause. */
export async function probeServer(options: ProbeOptions): Promise<string | undefined> {
  const signal = AbortSignal.timeout(options.timeout);
  try {
    return (await probeLegacy(options, signal)) ?? undefined;
  } catch (error) {
    return signal.aborted
      ? `it did not answer within ${options.timeout / 1000} s`
      : messageOf(error);
  }
}

async function probeLegacy(
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<string | undefined> {
  const params = {
    protocolVersion: LEGACY,
    capabilities: {},
    clientInfo: CLIENT,
  };
  const begun = await ask(options, signal, 'POST', {}, { id: 0, method: 'initialize', params });
  if (begun.result === undefined) return probeModern(options, signal, begun.fault);
  const { session } = begun;
  const headers = {
    'mcp-protocol-version': String(begun.result['protocolVersion']),
    ...(session !== undefined && { 'mcp-session-id': session }),
  };
  await ask(options, signal, 'POST', headers, { method: 'notifications/initialized' });
  const fault = await listAll(begun.result, (id, method) =>
    ask(options, signal, 'POST', headers, { id, method, params: {} }),
  );
  if (session !== undefined) await ask(options, signal, 'DELETE', headers);
  return fault;
}

async function probeModern(
  options: ProbeOptions,
  signal: AbortSignal,
  legacyFault: string,
): Promise<string | undefined> {
  const params = {
    _meta: {
      [`${META}/protocolVersion`]: MODERN,
      [`${META}/clientCapabilities`]: {},
      [`${META}/clientInfo`]: CLIENT,
    },
  };
  const post = (id: number, method: string): Promise<Answer> =>
    ask(
      options,
      signal,
      'POST',
      { 'mcp-protocol-version': MODERN, 'mcp-method': method },
      { id, method, params },
    );
  const found = await post(0, 'server/discover');
  return found.result === undefined ? legacyFault : listAll(found.result, post);
}

async function listAll(
  { capabilities }: JsonObject,
  post: (id: number, method: string) => Promise<Answer>,
): Promise<string | undefined> {
  const has = typeof capabilities === 'object' && capabilities !== null ? capabilities : {};
  let id = 1;
  for (const [capability, methods] of Object.entries(LISTS))
    for (const method of Object.hasOwn(has, capability) ? methods : []) {
      const { result, fault } = await post(id++, method);
      if (result === undefined) return `${method}: ${fault}`;
    }
  return undefined;
}

interface Answer {
  result?: JsonObject;
  /** where there is no result */
  fault: string;
  session?: string;
}

async function ask(
  options: ProbeOptions,
  signal: AbortSignal,
  method: 'POST' | 'DELETE',
  headers: Record<string, string>,
  message?: JsonObject,
): Promise<Answer> {
  const [ours, theirs] = duplexPair();
  options.serve(theirs);
  const body = message && JSON.stringify({ jsonrpc: '2.0', ...message });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    request({
      method,
      path: options.path,
      host: options.name,
      createConnection: () => ours,
      signal,
      headers: {
        host: options.name,
        authorization: `Bearer ${options.bearer}`,
        accept: 'application/json, text/event-stream',
        connection: 'close',
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
    })
      .once('response', resolve)
      .once('error', reject)
      .end(body);
  });
  const session = answer.headers['mcp-session-id'];
  const found = await readAnswer(answer);
  ours.destroy();
  return { ...found, ...(typeof session === 'string' && { session }) };
}

async function readAnswer(answer: IncomingMessage): Promise<Answer> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) text += chunk;
  const isStream = answer.headers['content-type']?.startsWith('text/event-stream') === true;
  const messages = isStream
    ? text.split('\n').flatMap((line) => (line.startsWith('data:') ? line.slice(5) : []))
    : [text];
  for (const one of messages) {
    const { result, error } = readMessage(one);
    if (result !== undefined) return { result, fault: '' };
    if (error !== undefined) return { fault: `${error.message} (${error.code})` };
  }
  return { fault: `the answer was HTTP ${answer.statusCode}` };
}

function readMessage(text: string): {
  result?: JsonObject;
  error?: { code: number; message: string };
} {
  try {
    return JSON.parse(text) as { result?: JsonObject };
  } catch {
    return {}; // a comment, or nothing
  }
}
