/* The event loop. Invariant: memory of a closed source lives until the batch that may still name it is done. */
#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fault.h"

#define BATCH 64

struct grave {
    struct grave *next;
    void *memory;
};

static int poll_fd = -1;
static struct grave *graves;

void loop_open(void)
{
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (poll_fd < 0) fault("epoll_create1: %m");
}

void loop_watch(struct source *source, uint32_t events)
{
    if (source->fd < 0 || source->events == events) return;
    struct epoll_event event = {.events = events, .data.ptr = source};
    int operation = source->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;
    if (epoll_ctl(poll_fd, operation, source->fd, &event) < 0) fault("epoll_ctl %d on %d: %m", operation, source->fd);
    source->events = events;
}

void loop_close(struct source *source)
{
    if (source->fd < 0) return;
    loop_watch(source, 0);
    close(source->fd);
    source->fd = -1;
}

void loop_free(void *memory)
{
    struct grave *grave = malloc(sizeof *grave);
    if (!grave) fault("out of memory");
    *grave = (struct grave){.next = graves, .memory = memory};
    graves = grave;
}

void loop_turn(void)
{
    struct epoll_event events[BATCH];
    int count = epoll_wait(poll_fd, events, BATCH, -1);
    if (count < 0 && errno != EINTR) fault("epoll_wait: %m");
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        /* A source closed earlier in this batch has no descriptor any more. */
        if (source->fd >= 0 && source->events != 0) source->ready(source, events[i].events);
    }
    while (graves) {
        struct grave *grave = graves;
        graves = grave->next;
        free(grave->memory);
        free(grave);
    }
}
