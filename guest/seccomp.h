/* System calls the agent has no use for. */
#ifndef SECCOMP_H
#define SECCOMP_H

#include <stdbool.h>

/* Applies the filter to the calling process, for ever; it must have no_new_privs. */
bool seccomp_restrict(void);

#endif
