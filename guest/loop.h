/* The event loop of init: one thread, level-triggered epoll. Other threads never touch what it owns. */
#ifndef LOOP_H
#define LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

/* Something to wait for. Embed it first in the structure it belongs to. */
struct source {
    int fd;
    uint32_t events; /* what epoll waits for now; 0: not registered */
    void (*ready)(struct source *source, uint32_t events);
};

void loop_open(void);
/* Waits for `events` from now on; 0 leaves epoll, so that a hang-up nobody can act on does not spin. */
void loop_watch(struct source *source, uint32_t events);
/* Leaves epoll and closes the descriptor. Events already fetched for it are dropped. */
void loop_close(struct source *source);
/* Frees memory once the current batch of events is done. */
void loop_free(void *memory);
/* Handles one batch. */
void loop_turn(void);

#endif
