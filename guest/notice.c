/*
 * Notifications of the file server (messages without a request). To forget a name the kernel takes the lock of the name's
 * directory, which a process may hold until its own request is answered. Invariant: no answer waits behind a notification.
 */
#define _GNU_SOURCE
#include "notice.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

/* More than the server sends for all that the guest can know at once. */
#define HELD_LIMIT (64u << 20)

struct notice {
    struct notice *next;
    uint32_t length;
    uint8_t message[];
};

static int fuse_fd;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER;
static struct notice *first, **last = &first;
static size_t held;

static struct notice *take_all(void)
{
    pthread_mutex_lock(&lock);
    while (first == NULL) pthread_cond_wait(&arrived, &lock);
    struct notice *taken = first;
    first = NULL;
    last = &first;
    held = 0;
    pthread_mutex_unlock(&lock);
    return taken;
}

static void *hand_over(void *unused)
{
    (void)unused;
    for (;;) {
        for (struct notice *notice = take_all(), *next; notice != NULL; notice = next) {
            next = notice->next;
            /* What the kernel has forgotten already it need not be told: ENOENT and the like are no fault. */
            if (write(fuse_fd, notice->message, notice->length) < 0 && errno == ENODEV) fault("fuse write: %m");
            free(notice);
        }
    }
    return NULL;
}

void notice_prepare(int fuse)
{
    pthread_t thread;
    fuse_fd = fuse;
    if (pthread_create(&thread, NULL, hand_over, NULL) != 0) fault("thread: %m");
}

void notice_take(const uint8_t *message, uint32_t length)
{
    struct notice *notice = malloc(sizeof *notice + length);
    if (notice == NULL) fault("no memory for a notification");
    notice->next = NULL;
    notice->length = length;
    memcpy(notice->message, message, length);
    pthread_mutex_lock(&lock);
    *last = notice;
    last = &notice->next;
    held += length;
    size_t waiting = held;
    pthread_cond_signal(&arrived);
    pthread_mutex_unlock(&lock);
    if (waiting > HELD_LIMIT) fault("file server sent %zu bytes of notifications", waiting);
}
