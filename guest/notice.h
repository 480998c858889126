/* Hands the file server's notifications to the kernel in a thread of their own. */
#ifndef NOTICE_H
#define NOTICE_H

#include <stdint.h>

/* Makes the thread; it writes to `fuse`. */
void notice_prepare(int fuse);
/* Takes a copy of one whole notification and returns at once. */
void notice_take(const uint8_t *message, uint32_t length);

#endif
