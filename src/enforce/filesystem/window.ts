// The host's end of the window: long messages lie in its slots, and the port carries frames that name them.
// Invariants: guest root can change the window at any time, so a message is copied out once, and judged as the copy is; the
// host reads and writes within the window only, in slots of its own choosing or checked.

import { readSync, writeSync } from 'node:fs';
import { MessageFault } from './incoming.ts';
import type { Outgoing } from './outgoing.ts';
import { REQUEST_HEADER } from './protocol.ts';
import {
  WINDOW_COUNTS,
  WINDOW_FRAME,
  WINDOW_LEAST,
  WINDOW_OPEN,
  WINDOW_SIZE,
  WINDOW_SLOT,
  WINDOW_SLOTS,
  WINDOW_UP,
} from './window-protocol.ts';

export interface Window {
  /**
   * Takes in the frame at `at`. Returns a copy of the message it names, valid until the next call, or undefined when the
   * frame opens the window. Throws `MessageFault` when no guest of ours would send it.
   */
  take(buffer: Buffer, at: number): Buffer | undefined;
  /** Puts the replies after `from` into a slot, if that is worth it and one is free, and a frame in their place. */
  give(out: Outgoing, from: number): void;
}

const COUNT = 4;

/** Whether a frame starts at `at`; `available` bytes are there. */
export function isFrame(buffer: Buffer, at: number, available: number): boolean {
  return available >= COUNT && buffer.readUInt32LE(at) === WINDOW_FRAME;
}

/** `file`: the descriptor of the window's file, asked for when the guest opens the window; undefined where there is none. */
export function createWindow(file: () => number | undefined): Window {
  let descriptor: number | undefined;
  // The guest's own length of a message is part of the message: room for what it says is always there.
  let message = Buffer.alloc(0);
  const counts = Buffer.alloc(COUNT * WINDOW_SLOTS);
  // How often each slot was emptied by us, or filled by us.
  const used = new Uint32Array(WINDOW_SLOTS);

  function open(length: number): void {
    if (descriptor !== undefined) throw new MessageFault('the window was opened twice');
    descriptor = file();
    if (descriptor === undefined) throw new MessageFault('there is no window to open');
    if (length !== WINDOW_SIZE) throw new MessageFault(`a window of ${length} bytes`);
    message = Buffer.allocUnsafeSlow(WINDOW_SLOT);
  }

  return {
    take(buffer, at) {
      const slot = buffer.readUInt32LE(at + 4);
      const length = buffer.readUInt32LE(at + 8);
      if (slot === WINDOW_OPEN) return void open(length);
      if (descriptor === undefined) throw new MessageFault('a slot of no window');
      if (slot >= WINDOW_UP || length < REQUEST_HEADER || length > WINDOW_SLOT)
        throw new MessageFault(`slot ${slot} of the window with ${length} bytes`);
      const count = readSync(descriptor, message, 0, length, placeOf(slot));
      if (count !== length || message.readUInt32LE(0) !== length)
        throw new MessageFault(`a message of another length than its frame says`);
      used[slot] = timesUsed(used, slot) + 1;
      counts.writeUInt32LE(timesUsed(used, slot), COUNT * slot);
      writeWhole(descriptor, counts, COUNT * slot, COUNT, COUNT * slot);
      return message.subarray(0, length);
    },
    give(out, from) {
      const length = out.length - from;
      if (descriptor === undefined || length < WINDOW_LEAST || length > WINDOW_SLOT) return;
      const slot = freeSlot(descriptor);
      if (slot === undefined) return;
      writeWhole(descriptor, out.buffer, from, length, placeOf(slot));
      used[slot] = timesUsed(used, slot) + 1;
      out.buffer.writeUInt32LE(WINDOW_FRAME, from);
      out.buffer.writeUInt32LE(slot, from + 4);
      out.buffer.writeUInt32LE(length, from + 8);
      out.length = from + WINDOW_FRAME;
    },
  };

  /** One the guest has emptied as often as it was filled. A guest that lies about it garbles its own replies. */
  function freeSlot(from: number): number | undefined {
    if (readSync(from, counts, 0, counts.length, 0) !== counts.length)
      throw new MessageFault('the window was cut short');
    for (let slot = WINDOW_UP; slot < WINDOW_SLOTS; slot += 1)
      if (counts.readUInt32LE(COUNT * slot) === timesUsed(used, slot)) return slot;
    return undefined;
  }
}

function placeOf(slot: number): number {
  return WINDOW_COUNTS + slot * WINDOW_SLOT;
}

function timesUsed(used: Uint32Array, slot: number): number {
  return used[slot] ?? 0;
}

function writeWhole(
  descriptor: number,
  buffer: Buffer,
  from: number,
  length: number,
  at: number,
): void {
  for (let done = 0; done < length;)
    done += writeSync(descriptor, buffer, from + done, length - done, at + done);
}
