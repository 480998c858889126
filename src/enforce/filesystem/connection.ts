// One byte stream of FUSE messages: cut into messages, each handled at once, the replies of one read sent in one write.
// Invariant: a guest that does not read its replies is not read from either.

import type { Socket } from 'node:net';
import { MessageFault, messageLength } from './incoming.ts';
import type { Filesystem } from './filesystem.ts';
import { NOTIFICATION_ROOM } from './notification.ts';
import { createOutgoing, REPLY_ROOM, type Outgoing } from './outgoing.ts';
import { MAX_MESSAGE } from './protocol.ts';
import { createWindow, isFrame } from './window.ts';
import { WINDOW_FRAME } from './window-protocol.ts';

const OUT_BYTES = 2 * REPLY_ROOM;
/** replies under way before reading stops */
const MAX_UNSENT = 4 * REPLY_ROOM;

export interface Connection {
  /** Sends what was put into `out()` outside a request: notifications. */
  send(): void;
  out(): Outgoing;
}

/** `windowFile`: descriptor of the machine's window, asked for once the guest opens it; undefined where it has none. */
export function connect(
  socket: Socket,
  filesystem: Filesystem,
  onFault: (reason: string) => void,
  windowFile: () => number | undefined = () => undefined,
): Connection {
  const window = createWindow(windowFile);
  // Holds a message whose end has not come yet.
  const pending = Buffer.allocUnsafeSlow(2 * MAX_MESSAGE);
  let held = 0;
  // What was read and not handled yet.
  let rest: Buffer = Buffer.alloc(0);
  let isBlocked = false;
  const spare: Outgoing[] = [];
  let out = createOutgoing(OUT_BYTES);

  function send(): void {
    if (out.length === 0) return;
    const full = out;
    out = spare.pop() ?? createOutgoing(OUT_BYTES);
    socket.write(full.buffer.subarray(0, full.length), () => {
      full.length = 0;
      if (spare.length < 2) spare.push(full);
    });
    if (socket.writableLength <= MAX_UNSENT || isBlocked) return;
    isBlocked = true;
    socket.pause();
    socket.once('drain', () => {
      isBlocked = false;
      work();
      if (!isBlocked) socket.resume();
    });
  }

  /** Handles the whole messages in a buffer, as long as their replies are read; returns how many bytes they took. */
  function handleAll(buffer: Buffer, length: number): number {
    let at = 0;
    while (!isBlocked) {
      const isInWindow = isFrame(buffer, at, length - at);
      const size = isInWindow ? WINDOW_FRAME : messageLength(buffer, at, length - at);
      if (size === 0 || size > length - at) break;
      // One chunk of small requests may ask for a gigabyte of replies.
      if (out.buffer.length - out.length < REPLY_ROOM) send();
      if (isBlocked) break;
      const from = out.length;
      if (isInWindow) {
        const message = window.take(buffer, at);
        if (message) filesystem.handle(message, 0, message.length, out);
      } else {
        filesystem.handle(buffer, at, size, out);
      }
      window.give(out, from);
      at += size;
    }
    return at;
  }

  function handleRest(): void {
    while (!isBlocked && held + rest.length > 0) {
      if (held === 0) {
        const done = handleAll(rest, rest.length);
        rest = rest.subarray(done);
        if (rest.length > 0 && done === 0 && !isBlocked) hold();
        continue;
      }
      hold();
      const done = handleAll(pending, held);
      if (done === 0) break; // its end has not come
      pending.copyWithin(0, done, held);
      held -= done;
    }
    send();
  }

  function hold(): void {
    const count = Math.min(rest.length, pending.length - held);
    rest.copy(pending, held, 0, count);
    held += count;
    rest = rest.subarray(count);
  }

  function work(): void {
    try {
      handleRest();
    } catch (error) {
      socket.destroy();
      onFault(
        error instanceof MessageFault
          ? `the guest sent what is not a FUSE message: ${error.message}`
          : `the filesystem server failed: ${String(error)}`,
      );
    }
  }

  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    work();
  });
  return {
    send,
    out: () => {
      if (out.buffer.length - out.length < NOTIFICATION_ROOM) send();
      return out;
    },
  };
}
