// The numbers of the window, memory that guest and host both see. guest/window.h says what they mean.

/** bytes; a power of two, as the device that carries the window wants it */
export const WINDOW_SIZE = 8388608;
/** Length of a frame, which no FUSE message can have: `WINDOW_FRAME u32 | slot u32 | length u32`. */
export const WINDOW_FRAME = 12;
/** In place of a slot: the guest has the window open. */
export const WINDOW_OPEN = 0xffffffff;
/** Bytes before the first slot. They hold a u32 for each slot: how often it was emptied. */
export const WINDOW_COUNTS = 4096;
export const WINDOW_SLOT = 1052672;
/** Slots before this one are filled by the guest, the others by the host. */
export const WINDOW_UP = 2;
export const WINDOW_SLOTS = 7;
/** Shorter messages stay on the port. */
export const WINDOW_LEAST = 8192;
