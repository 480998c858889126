// Proxies of a host, as fakes: each reads what its protocol says, tells what it was asked, and then is the destination itself.

import type { Socket } from 'node:net';

export interface FakeProxy {
  /** `HOST:PORT` of every tunnel that was asked for */
  asked: string[];
  /** `USER:PASSWORD` that came with them */
  credentials: string[];
  serve(socket: Socket): void;
}

export interface FakeProxyOptions {
  /** What is behind the tunnels. */
  destination: (socket: Socket, authority: string) => void;
  /** asked of clients */
  credentials?: string;
  /** CONNECT: what it answers instead of 200 */
  status?: string;
  /** SOCKS: what it replies instead of 0 */
  reply?: number;
}

export function fakeHttpProxy(options: FakeProxyOptions): FakeProxy {
  const asked: string[] = [];
  const credentials: string[] = [];
  return {
    asked,
    credentials,
    serve(socket) {
      let head = '';
      const onData = (chunk: Buffer): void => {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        socket.off('data', onData);
        socket.pause();
        const [, authority = ''] = /^CONNECT (\S+) HTTP\/1\.1\r\n/.exec(head) ?? [];
        const [, basic] = /proxy-authorization: Basic (\S+)/i.exec(head) ?? [];
        asked.push(authority);
        if (basic !== undefined) credentials.push(Buffer.from(basic, 'base64').toString());
        if (options.credentials !== undefined && credentials.at(-1) !== options.credentials) {
          socket.end(
            'HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\n\r\nwrong!',
          );
          return;
        }
        if (options.status !== undefined) {
          socket.end(`HTTP/1.1 ${options.status}\r\nContent-Length: 5\r\n\r\nhello`);
          return;
        }
        socket.write('HTTP/1.1 200 Connection established\r\nVia: fake\r\n\r\n');
        const rest = Buffer.from(head.slice(end + 4), 'latin1');
        if (rest.length > 0) socket.unshift(rest);
        options.destination(socket, authority);
        socket.resume();
      };
      socket.on('data', onData);
    },
  };
}

export function fakeSocksProxy(options: FakeProxyOptions): FakeProxy {
  const asked: string[] = [];
  const credentials: string[] = [];

  async function converse(socket: Socket): Promise<void> {
    const take = reader(socket);
    const [, count = 0] = await take(2);
    const methods = [...(await take(count))];
    if (options.credentials === undefined) socket.write(Buffer.of(5, 0));
    else {
      if (!methods.includes(2)) {
        socket.end(Buffer.of(5, 0xff));
        return;
      }
      socket.write(Buffer.of(5, 2));
      const [, userLength = 0] = await take(2);
      const user = (await take(userLength)).toString();
      const [passwordLength = 0] = await take(1);
      credentials.push(`${user}:${(await take(passwordLength)).toString()}`);
      const isRight = credentials.at(-1) === options.credentials;
      socket.write(Buffer.of(1, isRight ? 0 : 1));
      if (!isRight) return;
    }
    const [, , , type = 0] = await take(4);
    const length = type === 1 ? 4 : type === 4 ? 16 : ((await take(1))[0] ?? 0);
    const address = await take(length);
    const port = (await take(2)).readUInt16BE();
    const host =
      type === 3
        ? address.toString()
        : type === 1
          ? [...address].join('.')
          : address.toString('hex');
    asked.push(`${host}:${port}`);
    socket.write(Buffer.from([5, options.reply ?? 0, 0, 1, 9, 9, 9, 9, 0, 9]));
    if (options.reply === undefined) options.destination(socket, asked.at(-1) ?? '');
    else socket.end();
  }

  return { asked, credentials, serve: (socket) => void converse(socket).catch(() => undefined) };
}

function reader(socket: Socket): (count: number) => Promise<Buffer> {
  return (count) =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const bytes = count === 0 ? Buffer.alloc(0) : (socket.read(count) as Buffer | null);
        if (bytes === null) return;
        socket.off('readable', look);
        resolve(bytes);
      };
      socket.on('readable', look);
      socket.once('close', () => reject(new Error('gone')));
      look();
    });
}
