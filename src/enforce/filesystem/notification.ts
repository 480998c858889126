// Notifications to the guest kernel (unique 0). To forget a name it takes the lock of the name's directory, which a request
// under way may hold until it is answered: whoever hands messages to the kernel must not let replies wait behind these.

import { bodyAt, finishNotification, putU64, type Outgoing } from './outgoing.ts';
import { Notification } from './protocol.ts';
import type { Notifier } from './watch.ts';

/** Room one notification takes. */
export const NOTIFICATION_ROOM = 512;

export function createNotifier(room: () => Outgoing): Notifier {
  function inode(node: number, offset: bigint): void {
    const out = room();
    const at = bodyAt(out);
    putU64(out.buffer, node, at);
    out.buffer.writeBigInt64LE(offset, at + 8);
    out.buffer.writeBigInt64LE(0n, at + 16);
    finishNotification(out, Notification.INVAL_INODE, 24);
  }

  return {
    // Offset -1: attributes only, which waits for nothing. From 0 on: all content, which is where a listing is kept.
    attributes: (node) => inode(node, -1n),
    listing: (directory) => inode(directory, 0n),
    name: (directory, name) => {
      const out = room();
      const at = bodyAt(out);
      putU64(out.buffer, directory, at);
      out.buffer.writeUInt32LE(name.length, at + 8);
      out.buffer.writeUInt32LE(0, at + 12);
      out.buffer.write(`${name}\0`, at + 16, 'latin1');
      finishNotification(out, Notification.INVAL_ENTRY, 16 + name.length + 1);
    },
  };
}
