// A client of the tool protocol that costs as little as it can: HTTP/1.1 by hand on one kept connection, without delay.

import { once } from 'node:events';
import net from 'node:net';

export interface Way {
  port: number;
  path: string;
  /** with each request */
  headers: Record<string, string>;
}

export interface Answer {
  head: string;
  body: string;
}

export interface Client {
  /** One message; the answer, of one JSON text or of a stream. */
  post(message: object, session?: string): Promise<Answer>;
  close(): void;
}

const REVISION = '2025-11-25';
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');

export async function openClient({ port, path, headers }: Way): Promise<Client> {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
  await once(socket, 'connect');
  let chunks: Buffer[] = [];
  let size = 0;
  let wait: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;
  const fail = (): void => wait?.reject(new Error('the connection ended'));
  socket.on('error', fail);
  socket.on('close', fail);
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    size += chunk.length;
    if (chunks.length > 1 && !isEnd(chunks, size)) return;
    const all = chunks.length === 1 ? chunk : Buffer.concat(chunks);
    chunks = [all];
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = all.toString('latin1', 0, end);
    if (!isWhole(head, all, end + 4)) return;
    chunks = [];
    size = 0;
    wait?.resolve({ head, body: all.toString('utf8', end + 4) });
  });
  const fixed = Object.entries({
    host: `127.0.0.1:${port}`,
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    ...headers,
  })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return {
    post: (message, session) =>
      new Promise((resolve, reject) => {
        wait = { resolve, reject };
        const body = JSON.stringify(message);
        const own =
          session === undefined
            ? ''
            : `mcp-session-id: ${session}\r\nmcp-protocol-version: ${REVISION}\r\n`;
        socket.write(
          `POST ${path} HTTP/1.1\r\n${fixed}${own}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        );
      }),
    close: () => socket.destroy(),
  };
}

/** Whether more is worth a look: long answers come in many chunks. */
function isEnd(chunks: readonly Buffer[], size: number): boolean {
  const head = chunks[0]?.toString('latin1', 0, 2048) ?? '';
  const length = lengthIn(head);
  if (length !== undefined) return size >= head.indexOf('\r\n\r\n') + 4 + length;
  const tail = Buffer.concat(chunks.slice(-2)).subarray(-LAST_CHUNK.length);
  return tail.equals(LAST_CHUNK);
}

function isWhole(head: string, all: Buffer, from: number): boolean {
  const length = lengthIn(head);
  if (length !== undefined) return all.length >= from + length;
  if (/^transfer-encoding: *chunked/im.test(head))
    return all.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK) || all.equals(LAST_CHUNK);
  return true;
}

function lengthIn(head: string): number | undefined {
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  return length === undefined ? undefined : Number(length);
}

/** Begins a session; its id, or undefined where the server has none. */
export async function begin(client: Client): Promise<string | undefined> {
  const clientInfo = { name: 'bench', version: '1' };
  const params = { protocolVersion: REVISION, capabilities: {}, clientInfo };
  const { head, body } = await client.post({ jsonrpc: '2.0', id: 0, method: 'initialize', params });
  if (!head.includes(' 200 ')) throw new Error(`no session: ${head.split('\r\n')[0]} ${body}`);
  const session = /^mcp-session-id: *(\S+)/im.exec(head)?.[1];
  await client.post({ jsonrpc: '2.0', method: 'notifications/initialized' }, session);
  return session;
}
