import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** A socket as the guest's streams are: a Duplex that is no socket, so that Node takes none of its short cuts for sockets. */
export function asStream(socket: Socket): Duplex {
  const stream: Duplex = new Duplex({
    allowHalfOpen: true,
    read: () => socket.resume(),
    write: (chunk: Buffer, _encoding, done) => {
      if (socket.write(chunk)) done();
      else if (socket.destroyed) done(new Error('gone'));
      else socket.once('drain', () => done());
    },
    final: (done) => {
      socket.end();
      done();
    },
    destroy: (error, done) => {
      if (socket.writableFinished) socket.destroy();
      else if (socket.writableEnded) socket.once('finish', () => socket.destroy());
      else socket.resetAndDestroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!stream.push(chunk)) socket.pause();
  });
  socket.on('end', () => stream.push(null));
  socket.on('close', () => stream.destroy());
  return stream;
}
