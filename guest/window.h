/*
 * The window: memory that guest and host both see, for messages of the fs port that are long. A port takes them in pieces.
 * src/enforce/filesystem/window-protocol.ts holds the same numbers; test/enforce/filesystem/window.test.ts compares both.
 *
 * It starts with a page of counts, a u32 for each slot: how often it was emptied, written by whoever empties it. A slot is
 * free when it was emptied as often as it was filled. In the place of a message that lies in a slot, the port carries:
 *
 *    0        4        8        12
 *   +--------+--------+--------+
 *   | 12     | slot   | length |    little-endian; no FUSE message is 12 bytes long
 *   +--------+--------+--------+
 *
 * The guest's first frame has WINDOW_OPEN for a slot and the length of the window: without it the host uses the port alone.
 */
#ifndef WINDOW_H
#define WINDOW_H

#include <stddef.h>
#include <stdint.h>

#define WINDOW_SIZE 8388608
#define WINDOW_FRAME 12
#define WINDOW_OPEN 0xffffffff
#define WINDOW_COUNTS 4096
#define WINDOW_SLOT 1052672
/* Slots before this one are filled by the guest, the others by the host. */
#define WINDOW_UP 2
#define WINDOW_SLOTS 7
/* Shorter messages stay on the port. */
#define WINDOW_LEAST 8192

/* Maps the window, if the machine has one; before the root is changed. */
void window_prepare(void);
/* Puts the frame that opens the window at `frame`; its length, or 0 where there is no window. */
size_t window_open(uint8_t *frame);
/* Moves the message into a slot and puts its frame in its place; the length there now: the message's own if it stayed. */
size_t window_put(uint8_t *message, size_t length);
/* Copies the message that a frame of the host names to `message`, of `limit` bytes, and frees the slot; its length. */
size_t window_take(const uint8_t *frame, uint8_t *message, size_t limit);

#endif
