/* Small calls to the kernel that several parts of init need. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Writes a kernel file such as a sysctl; false when it is not there or refuses. */
bool write_file(const char *path, const char *text);
/* Creates a directory and its missing parents. Those below `owned` (may be NULL) belong to `uid`:`gid`, the rest to root. */
void make_path(const char *path, const char *owned, uid_t uid, gid_t gid);
void mount_or_fault(const char *type, const char *target, unsigned long flags, const char *options);

#endif
