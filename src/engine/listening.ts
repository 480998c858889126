// A unix socket of our own for the time of a build or a probe, and what arrives on it.

import { type Server, type Socket, createServer } from 'node:net';

export interface Listening {
  path: string;
  /** the first connection */
  accepted: Promise<Socket>;
  close: () => void;
}

export function listen(path: string): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const sockets: Socket[] = [];
    let taken: (socket: Socket) => void = () => undefined;
    const accepted = new Promise<Socket>((done) => (taken = done));
    const server: Server = createServer((socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined); // told by whoever reads it
      taken(socket);
    });
    server.on('error', reject);
    server.listen(path, () => {
      const close = (): void => {
        server.close();
        for (const socket of sockets) socket.destroy();
      };
      resolve({ path, accepted, close });
    });
  });
}

/** All that comes until the other side ends; rejects at a limit of bytes or milliseconds. */
export function collect(
  stream: Socket,
  limits: { bytes: number; milliseconds: number },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const fail = (what: string): void => {
      clearTimeout(timer);
      stream.destroy();
      reject(new Error(what));
    };
    const timer = setTimeout(
      () => fail(`no end after ${limits.milliseconds / 1000} s`),
      limits.milliseconds,
    );
    stream.on('data', (chunk: Buffer) => {
      parts.push(chunk);
      length += chunk.length;
      if (length > limits.bytes) fail(`no end after ${limits.bytes} bytes`);
    });
    stream.on('error', (error) => fail(error.message));
    stream.on('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(parts));
    });
  });
}
