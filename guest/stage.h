/* The parts of a session's file tree that are the same for every session: made before the snapshot, put in place after it. */
#ifndef STAGE_H
#define STAGE_H

/* Where the parts wait, below the first root. */
#define STAGE "/stage"
#define STAGE_UPPER STAGE "/upper"
#define STAGE_FILES_NAME "files"
#define STAGE_FILES STAGE_UPPER "/" STAGE_FILES_NAME
#define STAGE_WORK STAGE_UPPER "/work"
#define STAGE_HOME STAGE "/home"

#define SESSION_SOCKET_FOLDER "/agent-sandbox"
#define SESSION_SOCKET "/host.sock"

void stage_prepare(void);

#endif
