/* The file server's first answers, given by init itself: they are the same for every session, so they come before the snapshot. */
#ifndef GREET_H
#define GREET_H

/* Answers what the kernel asks of a fresh mount, on a thread, until greet_end. */
void greet_begin(int fuse);
void greet_end(void);

#endif
