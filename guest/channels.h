/* The descriptors between init and a process the host starts. */
#ifndef CHANNELS_H
#define CHANNELS_H

#include <stdbool.h>

#include "child.h"

/* [i][0] stays with init, [i][1] goes to the process; -1 is none. A terminal has one end for all three. */
struct channels {
    int ends[3][2];
    int status[2];
};

/* Pipes, or a terminal that `owner` owns where the order asks for one. False with errno; what is open has to be closed. */
bool channels_open(struct channels *channels, const struct order *order, uid_t owner);
void channels_close(struct channels *channels, int side);

#endif
