/* The file tree of a session: the host's tree from the file server, with an overlay in memory on top. */
#ifndef ROOT_H
#define ROOT_H

#include "start.h"

/* All of it that needs no session; before the snapshot. */
void root_prepare(int fs_port);
/* Makes the tree the root of init and of all it starts. */
void root_enter(const struct config *config);
/* The root of the server's tree: all shares are one file system with it. */
extern int root_files;

#endif
