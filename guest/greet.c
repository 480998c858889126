/*
 * Invariant: only what holds for every session is answered here; a question about a file is a fault. What the server can do
 * is said once, in INIT: the server on the host never sees that message.
 */
#define _GNU_SOURCE
#include "greet.h"

#include <errno.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"

#define OLDEST_MINOR 31
#define TRANSFER (1u << 20)
#define PAGE 4096
#define NAME_LENGTH 255

/*
 * No POSIX or flock locks: the kernel keeps them itself. No writeback cache: what the host changes must be seen, and what is
 * written here must be on the host.
 */
#define WANTED \
    (FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_AUTO_INVAL_DATA | FUSE_DO_READDIRPLUS | FUSE_ASYNC_DIO | FUSE_NO_OPEN_SUPPORT | \
     FUSE_PARALLEL_DIROPS | FUSE_MAX_PAGES | FUSE_CACHE_SYMLINKS | FUSE_NO_OPENDIR_SUPPORT | FUSE_HANDLE_KILLPRIV_V2)

union question {
    struct fuse_in_header head;
    uint8_t bytes[TRANSFER + PAGE];
};

static int fuse_fd, ended;
static pthread_t thread;

static void answer(const struct fuse_in_header *to, int error, const void *body, size_t length)
{
    struct {
        struct fuse_out_header head;
        uint8_t body[256];
    } reply = {.head = {.len = (uint32_t)(sizeof reply.head + length), .error = error, .unique = to->unique}};
    memcpy(reply.body, body, length);
    if (write(fuse_fd, &reply, reply.head.len) < 0) fault("fuse: answer to %u: %m", to->opcode);
}

static void answer_init(const struct fuse_in_header *head)
{
    const struct fuse_init_in *in = (const void *)(head + 1);
    if (in->major != FUSE_KERNEL_VERSION || in->minor < OLDEST_MINOR) fault("fuse: kernel speaks %u.%u", in->major, in->minor);
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = OLDEST_MINOR,
        .max_readahead = TRANSFER,
        .flags = in->flags & WANTED,
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = TRANSFER,
        .time_gran = 1,
        .max_pages = TRANSFER / PAGE,
    };
    answer(head, 0, &out, sizeof out);
}

static void answer_root(const struct fuse_in_header *head)
{
    /* Valid for no time at all: the session asks the server. */
    struct fuse_attr_out out = {.attr = {.ino = FUSE_ROOT_ID, .mode = S_IFDIR | 0755, .nlink = 2, .blksize = PAGE}};
    answer(head, 0, &out, sizeof out);
}

static void answer_room(const struct fuse_in_header *head)
{
    struct fuse_statfs_out out = {.st = {.bsize = PAGE, .frsize = PAGE, .namelen = NAME_LENGTH}};
    answer(head, 0, &out, sizeof out);
}

static void take_question(const struct fuse_in_header *head)
{
    switch (head->opcode) {
    case FUSE_INIT:
        return answer_init(head);
    case FUSE_GETATTR:
        if (head->nodeid == FUSE_ROOT_ID) return answer_root(head);
        break;
    case FUSE_STATFS:
        return answer_room(head);
    case FUSE_OPENDIR:
    case FUSE_RELEASEDIR:
        /* The kernel remembers, and does without. */
        return answer(head, -ENOSYS, "", 0);
    }
    fault("fuse: opcode %u before the session", head->opcode);
}

static void *greet(void *unused)
{
    static union question question;
    (void)unused;
    for (;;) {
        struct pollfd waited[2] = {{.fd = fuse_fd, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
        if (poll(waited, 2, -1) < 0 && errno != EINTR) fault("fuse: %m");
        ssize_t count = read(fuse_fd, question.bytes, sizeof question.bytes);
        if (count >= (ssize_t)sizeof question.head) take_question(&question.head);
        else if (waited[1].revents != 0) return NULL;
    }
}

void greet_begin(int fuse)
{
    fuse_fd = fuse;
    ended = eventfd(0, EFD_CLOEXEC);
    if (ended < 0 || pthread_create(&thread, NULL, greet, NULL) != 0) fault("thread: %m");
}

void greet_end(void)
{
    if (eventfd_write(ended, 1) < 0 || pthread_join(thread, NULL) != 0) fault("thread: %m");
    close(ended);
}
