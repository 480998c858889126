/* The control group that everything the host starts lives in. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>
#include <sys/types.h>

/* Creates the group; slow, so that it comes before the snapshot. */
void limits_prepare(void);
/* Sets the limits. */
void limits_set(uint32_t processes);
/* Forks into the group, where the kernel has groups. */
pid_t limits_fork(void);

#endif
