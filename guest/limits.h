/* The control group that everything the host starts lives in. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

/* Creates the group; slow, so that it comes before the snapshot. */
void limits_prepare(void);
/* Sets the limits. Returns the group's directory for clone3, or -1 on a kernel without cgroup2. */
int limits_set(uint32_t processes);

#endif
