// The listening sockets of a session. Invariant: a socket takes exactly one connection, then listens no more, so that
// nobody else can become the guest's peer.

import { createServer, type Server, type Socket } from 'node:net';
import { SandboxError } from '../model/error.ts';

export interface SingleSocket {
  /** resolves with the one connection */
  connection: Promise<Socket>;
  /** stops listening; the connection stays */
  close(): void;
}

/** Listens on a unix socket path; resolves once it can be connected to. */
export async function listenOnce(path: string): Promise<SingleSocket> {
  const server = createServer({ allowHalfOpen: true });
  const connection = new Promise<Socket>((resolve, reject) => {
    server.once('connection', (socket) => {
      server.close();
      resolve(socket);
    });
    server.once('close', () =>
      reject(
        new SandboxError({
          kind: 'internal',
          code: 'SESSION_NO_PEER',
          message: 'the machine ended before it connected',
        }),
      ),
    );
  });
  connection.catch(() => undefined); // awaited later or never; a rejection nobody waits for is not a fault of its own
  await listening(server, path);
  return { connection, close: () => void server.close() };
}

export function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
