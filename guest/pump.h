/* Carries FUSE messages between the kernel and the file server behind the fs port. */
#ifndef PUMP_H
#define PUMP_H

/* Starts both directions in threads of their own; `fuse` and `port` are theirs from now on. */
void pump_start(int fuse, int port);

#endif
