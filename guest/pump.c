/*
 * The FUSE pump. Invariant: one message of the kernel is one message on the port, whole and in order, or its frame there and
 * the message in the window; the pump looks at the length and nothing else.
 */
#define _GNU_SOURCE
#include "pump.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "mux.h"
#include "notice.h"
#include "window.h"

/* The largest write the server may agree to is 1 MiB, with its header a bit more. */
#define MESSAGE_LIMIT ((1u << 20) + 4096)
#define UP_SIZE (2 * MESSAGE_LIMIT)
#define DOWN_SIZE (3 * MESSAGE_LIMIT)
/* Messages are gathered while the kernel has more, up to this, so that one wake-up of the host carries several. */
#define GATHER (128 * 1024)

static int fuse_fd, port_fd;
static sem_t released;

static void wait_for_session(void)
{
    while (sem_wait(&released) < 0) continue;
}

static void wait_for(int fd, short events, const char *what)
{
    struct pollfd waited = {.fd = fd, .events = events};
    if (poll(&waited, 1, -1) < 0 && errno != EINTR) fault("%s: %m", what);
    /* The file server is gone: without it nothing in the guest can go on. */
    if (waited.revents & POLLHUP) fault("file server closed its port");
    if (waited.revents & (POLLERR | POLLNVAL)) fault("%s: lost", what);
}

static void write_port(const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t count = write(port_fd, bytes, length);
        if (count > 0) {
            bytes += count;
            length -= (size_t)count;
        } else if (count == 0 || errno == EAGAIN) {
            wait_for(port_fd, POLLOUT, "fs port");
        } else if (errno != EINTR) {
            fault("fs port: %m");
        }
    }
}

static void *kernel_to_host(void *unused)
{
    static uint8_t bytes[UP_SIZE];
    (void)unused;
    wait_for_session();
    size_t length = window_open(bytes);
    for (;;) {
        ssize_t count = read(fuse_fd, bytes + length, sizeof bytes - length);
        if (count > 0) {
            length += window_put(bytes + length, (size_t)count);
            if (length < GATHER) continue;
        } else if (count < 0 && errno != EAGAIN && errno != EINTR && errno != ENOENT) {
            fault("fuse read: %m");
        }
        if (length > 0) {
            write_port(bytes, length);
            length = 0;
        } else if (count < 0 && errno == EAGAIN) {
            wait_for(fuse_fd, POLLIN, "fuse");
        }
    }
    return NULL;
}

static void hand_over(const uint8_t *message, uint32_t size)
{
    /* What answers no request may have to wait for a lock that only an answer frees. */
    if (get_u64(message + offsetof(struct fuse_out_header, unique)) == 0) return notice_take(message, size);
    /* ENOENT: the request was interrupted meanwhile. EINVAL and the like: the kernel refuses the answer, and says EIO. */
    ssize_t count = write(fuse_fd, message, size);
    if (count < 0 && (errno == ENODEV || errno == EPERM || errno == EBADF)) fault("fuse write: %m");
}

static void hand_over_from_window(const uint8_t *frame)
{
    static uint8_t message[MESSAGE_LIMIT];
    size_t size = window_take(frame, message, sizeof message);
    if (size < sizeof(struct fuse_out_header)) fault("file server sent a message of %zu bytes", size);
    hand_over(message, (uint32_t)size);
}

/* Hands complete messages to the kernel; returns how many bytes they took. */
static size_t deliver(const uint8_t *bytes, size_t length)
{
    size_t start = 0;
    while (length - start >= WINDOW_FRAME) {
        uint32_t size = get_u32(bytes + start);
        if (size == WINDOW_FRAME) {
            hand_over_from_window(bytes + start);
            start += size;
            continue;
        }
        if (size < sizeof(struct fuse_out_header) || size > MESSAGE_LIMIT) fault("file server sent a message of %u bytes", size);
        if (length - start < size) break;
        hand_over(bytes + start, size);
        start += size;
    }
    return start;
}

static void *host_to_kernel(void *unused)
{
    static uint8_t bytes[DOWN_SIZE];
    (void)unused;
    wait_for_session();
    size_t start = 0, length = 0;
    for (;;) {
        if (start > 0 && (length == 0 || sizeof bytes - start < MESSAGE_LIMIT)) {
            memmove(bytes, bytes + start, length);
            start = 0;
        }
        ssize_t count = read(port_fd, bytes + start + length, sizeof bytes - start - length);
        if (count <= 0) {
            if (count < 0 && errno != EAGAIN && errno != EINTR) fault("fs port: %m");
            wait_for(port_fd, POLLIN, "fs port");
            continue;
        }
        length += (size_t)count;
        size_t taken = deliver(bytes + start, length);
        start += taken;
        length -= taken;
    }
    return NULL;
}

void pump_prepare(int fuse, int port)
{
    pthread_t thread;
    fuse_fd = fuse;
    port_fd = port;
    notice_prepare(fuse);
    if (sem_init(&released, 0, 0) < 0) fault("semaphore: %m");
    if (pthread_create(&thread, NULL, kernel_to_host, NULL) != 0) fault("thread: %m");
    if (pthread_create(&thread, NULL, host_to_kernel, NULL) != 0) fault("thread: %m");
}

void pump_start(void)
{
    sem_post(&released);
    sem_post(&released);
}
