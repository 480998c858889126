/* The control group that everything the host starts lives in. */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdint.h>

/* Creates the group with its limits. Returns its directory for clone3, or -1 on a kernel without cgroup2. */
int limits_open(uint32_t processes);

#endif
