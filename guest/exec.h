/* Processes that the host starts. */
#ifndef EXEC_H
#define EXEC_H

#include "mux.h"
#include "start.h"

/* Reaps from now on. */
void exec_prepare(void);
/* Takes the limits of the session. */
void exec_open(const struct config *config);
/* An EXEC, SIGNAL or RESIZE frame. */
void exec_frame(const struct frame *frame);
/* Tells the host of processes that are done; called after each turn of the loop. */
void exec_settle(void);
/* Kills everything but init. */
void exec_kill_all(void);

#endif
