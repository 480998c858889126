// A way through a SOCKS5 proxy (RFC 1928), with user and password (RFC 1929) where the setting has some.
//   greeting  05 n METHOD{n}             →  05 METHOD
//   password  01 len user len password   →  01 STATUS
//   connect   05 01 00 TYPE address port →  05 REPLY 00 TYPE address port

import type { Socket } from 'node:net';

import { parseAddress } from '../../../match/address.ts';
import { SandboxError } from '../../../model/error.ts';
import type { UpstreamProxy } from './setting.ts';

const VERSION = 5;
const NO_CREDENTIALS = 0;
const USER_AND_PASSWORD = 2;
const CONNECT = 1;
const Type = { IPV4: 1, NAME: 3, IPV6: 4 } as const;

/** RFC 1928 §6 */
const REPLIES: Readonly<Record<number, string>> = {
  1: 'general failure',
  2: 'not allowed by its rules',
  3: 'network unreachable',
  4: 'host unreachable',
  5: 'connection refused',
  6: 'TTL expired',
  7: 'command not supported',
  8: 'address type not supported',
};

/** Makes `socket`, connected to the proxy, one to `host:port`; `host` is a name or an address. The caller bounds the time by destroying it. */
export async function openSocksTunnel(
  socket: Socket,
  { credentials }: Pick<UpstreamProxy, 'credentials'>,
  { host, port }: { host: string; port: number },
): Promise<void> {
  const methods =
    credentials === undefined ? [NO_CREDENTIALS] : [NO_CREDENTIALS, USER_AND_PASSWORD];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [version, method] = await readBytes(socket, 2);
  if (version !== VERSION) throw failure('the proxy does not speak SOCKS5');
  if (method === undefined || !methods.includes(method))
    throw failure(
      credentials === undefined
        ? 'the proxy asks for credentials, and its setting has none'
        : 'the proxy takes no user and password',
    );
  if (method === USER_AND_PASSWORD && credentials !== undefined) {
    const parts = [credentials.user, credentials.password].map((part) => Buffer.from(part));
    socket.write(
      Buffer.concat([Buffer.of(1), ...parts.flatMap((part) => [Buffer.of(part.length), part])]),
    );
    const [, status] = await readBytes(socket, 2);
    if (status !== 0) throw failure('the proxy refused user and password');
  }
  const end = Buffer.from([port >> 8, port & 255]);
  socket.write(Buffer.concat([Buffer.of(VERSION, CONNECT, 0), encodeHost(host), end]));
  const [replyVersion, reply = 1, , type] = await readBytes(socket, 4);
  if (replyVersion !== VERSION) throw failure('the proxy does not speak SOCKS5');
  if (reply !== 0)
    throw failure(`the proxy could not connect: ${REPLIES[reply] ?? `reply ${reply}`}`);
  // Where it connected from: of no use, and in the way of what comes next.
  const length =
    type === Type.IPV4
      ? 4
      : type === Type.IPV6
        ? 16
        : type === Type.NAME
          ? ((await readBytes(socket, 1))[0] ?? 0)
          : undefined;
  if (length === undefined) throw failure('the proxy answered with an address of no known type');
  await readBytes(socket, length + 2);
}

function encodeHost(host: string): Buffer {
  const address = parseAddress(host);
  if (address === undefined) {
    const name = Buffer.from(host, 'latin1');
    return Buffer.concat([Buffer.of(Type.NAME, name.length), name]);
  }
  const bytes = Buffer.alloc(address.words.length * 4);
  for (const [index, word] of address.words.entries()) bytes.writeUInt32BE(word, index * 4);
  return address.family === 4
    ? Buffer.concat([Buffer.of(Type.IPV4), bytes.subarray(-4)])
    : Buffer.concat([Buffer.of(Type.IPV6), bytes]);
}

/** Exactly so many bytes; what comes behind them stays in the socket. */
function readBytes(socket: Socket, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const bytes = socket.read(count) as Buffer | null;
      if (bytes === null) return;
      settle();
      if (bytes.length === count) resolve(bytes);
      else reject(failure('the proxy hung up'));
    };
    const fail = (): void => {
      settle();
      reject(failure('the proxy hung up'));
    };
    const settle = (): void => {
      socket.off('readable', look);
      for (const event of ['end', 'close', 'error']) socket.off(event, fail);
    };
    socket.on('readable', look);
    for (const event of ['end', 'close', 'error']) socket.on(event, fail);
    if (socket.destroyed || socket.readableEnded) fail();
    else look();
  });
}

function failure(message: string): SandboxError {
  return new SandboxError({ kind: 'upstream', code: 'EGRESS_PROXY', message });
}
