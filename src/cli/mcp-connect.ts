// `mcp connect`: for clients that start a tool server as a command. Runs in the guest, beside the agent: carries messages between its
// standard streams and the gateway, which judges them. Nothing is enforced here.
// https://modelcontextprotocol.io/specification/2025-11-25/basic/transports

import { Agent, request, type IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';

import { SandboxError } from '../model/error.ts';

const REVISION = 'io.modelcontextprotocol/protocolVersion';
/** JSON-RPC's own, for what could not be carried */
const INTERNAL_ERROR = -32603;

interface Message {
  id?: string | number | null;
  method?: string;
  params?: { name?: unknown; uri?: unknown; _meta?: Record<string, unknown> };
  result?: { protocolVersion?: unknown };
}

export interface ConnectOptions {
  /** of one server at the gateway */
  url: string;
  bearer: string;
  input: NodeJS.ReadableStream;
  output: NodeJS.WritableStream;
}

/** Resolves when the input has ended and every answer was written. */
export async function connectServer({ url, bearer, input, output }: ConnectOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const open = new Set<Promise<void>>();
  let session: string | undefined;
  let revision: string | undefined;
  let listening: IncomingMessage | undefined;

  const write = (text: string): void => {
    if (text.trim() !== '') output.write(`${text}\n`);
  };

  function ask(
    method: string,
    body: string | undefined,
    more: Record<string, string>,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const outgoing = request(url, {
        method,
        agent,
        headers: {
          authorization: `Bearer ${bearer}`,
          accept: method === 'GET' ? 'text/event-stream' : 'application/json, text/event-stream',
          ...(body !== undefined && {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
          }),
          ...(session !== undefined && { 'mcp-session-id': session }),
          ...(revision !== undefined && { 'mcp-protocol-version': revision }),
          ...more,
        },
      });
      outgoing.once('response', resolve).once('error', reject).end(body);
    });
  }

  async function carry(line: string): Promise<void> {
    const message = readMessage(line);
    try {
      const answer = await ask('POST', line, headersOf(message));
      const given = answer.headers['mcp-session-id'];
      if (typeof given === 'string') session = given;
      await readMessages(answer, (text) => {
        const agreed =
          message.method === 'initialize' ? readMessage(text).result?.protocolVersion : undefined;
        if (typeof agreed === 'string') revision = agreed;
        write(text);
      });
      if (message.method === 'notifications/initialized') void listen();
    } catch (error) {
      if (message.id === undefined || message.method === undefined) return;
      const { message: reason } = error as Error;
      write(
        JSON.stringify({
          jsonrpc: '2.0',
          id: message.id,
          error: { code: INTERNAL_ERROR, message: `the gateway cannot be reached: ${reason}` },
        }),
      );
    }
  }

  async function listen(): Promise<void> {
    try {
      const answer = await ask('GET', undefined, {});
      if (answer.statusCode !== 200) return void answer.resume();
      listening = answer;
      await readMessages(answer, write);
    } catch {
      // What the server says by itself is lost; every call is answered by its own stream.
    }
  }

  let first: Promise<void> | undefined;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    if (line.trim() === '') continue;
    // What follows the handshake needs the session that it gives.
    await first;
    const carried = carry(line);
    if (readMessage(line).method === 'initialize') first = carried;
    open.add(carried);
    void carried.finally(() => open.delete(carried));
  }
  await Promise.all(open);
  listening?.destroy();
  if (session !== undefined)
    await ask('DELETE', undefined, {}).then(
      (answer) => answer.resume(),
      () => undefined,
    );
  agent.destroy();
}

/** What revision 2026-07-28 repeats of a message in its headers. */
function headersOf({ method, params }: Message): Record<string, string> {
  const revision = params?._meta?.[REVISION];
  if (typeof revision !== 'string' || method === undefined) return {};
  const name = method === 'resources/read' ? params?.uri : params?.name;
  return {
    'mcp-protocol-version': revision,
    'mcp-method': method,
    ...(typeof name === 'string' && { 'mcp-name': encodeHeader(name) }),
  };
}

/** As it is where a header can hold it, else in the form the revision gives for others. */
function encodeHeader(text: string): string {
  const isPlain =
    /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/.test(text);
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`;
}

/** Each message of an answer, whether it is one or a stream. */
async function readMessages(
  answer: IncomingMessage,
  onMessage: (text: string) => void,
): Promise<void> {
  answer.setEncoding('utf8');
  if (answer.headers['content-type']?.startsWith('text/event-stream') !== true) {
    let text = '';
    for await (const chunk of answer as AsyncIterable<string>) text += chunk;
    onMessage(text.replaceAll(/[\r\n]+/g, ' '));
    return;
  }
  // Our own gateway writes each message as one line of data.
  for await (const line of createInterface({ input: answer, crlfDelay: Infinity }))
    if (line.startsWith('data:')) onMessage(line.slice('data:'.length).trimStart());
}

function readMessage(line: string): Message {
  try {
    const value = JSON.parse(line) as Message | null;
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {}; // the gateway says what is wrong with it
  }
}

/** Where the gateway is, by the variables of the session. */
export function gatewayOf(
  environment: Readonly<Record<string, string | undefined>>,
  server: string,
): { url: string; bearer: string } {
  const base = environment['AGENT_SANDBOX_MCP_URL'];
  const bearer = environment['AGENT_SANDBOX_MCP_TOKEN'];
  if (base !== undefined && bearer !== undefined)
    return { url: `${base}/${encodeURIComponent(server)}`, bearer };
  throw new SandboxError({
    kind: 'usage',
    code: 'MCP_NO_GATEWAY',
    message:
      'there is no tool gateway here: AGENT_SANDBOX_MCP_URL and AGENT_SANDBOX_MCP_TOKEN are not set',
    hint: 'run this in a session whose policy has `mcp.servers`, or beside `agent-sandbox mcp serve`',
  });
}
