/* Carries FUSE messages between the kernel and the file server behind the fs port. */
#ifndef PUMP_H
#define PUMP_H

/* Makes a thread for each direction; both descriptors are non-blocking and theirs from now on. */
void pump_prepare(int fuse, int port);
/* Lets the threads go: before, nothing of the kernel reaches the port. */
void pump_start(void);

#endif
