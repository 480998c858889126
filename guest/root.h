/* The file tree of a session: the host's tree from the file server, with an overlay in memory on top. */
#ifndef ROOT_H
#define ROOT_H

#include "start.h"

#define SESSION_SOCKET "/run/agent-sandbox/host.sock"

/* Mounts everything and makes it the root of init and of all it starts. */
void root_enter(const struct config *config, int fs_port);
/* The root of the server's tree: all shares are one file system with it. */
extern int root_files;

#endif
