/* Invariant: the spare is confined like every command of the agent before it reads a byte; a root's or a terminal's is not it. */
#define _GNU_SOURCE
#include "spare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "limits.h"
#include "order.h"
#include "protocol.h"

/* What it needs of the session; the text of the order follows. */
struct head {
    size_t length;
    uid_t uid;
    gid_t gid;
    uint32_t processes;
};

static struct channels own;
static pid_t spare = -1;
static int line = -1;

static void hear(int from, void *into, size_t length)
{
    for (size_t heard = 0; heard < length;) {
        ssize_t count = read(from, (uint8_t *)into + heard, length - heard);
        if (count > 0) heard += (size_t)count;
        else if (count == 0 || errno != EINTR) _exit(125); /* init has no use for it */
    }
}

static bool tell(const void *what, size_t length)
{
    for (size_t told = 0; told < length;) {
        ssize_t count = send(line, (const uint8_t *)what + told, length - told, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR) return false;
        if (count > 0) told += (size_t)count;
    }
    return true;
}

_Noreturn static void wait_for_order(int from)
{
    struct head head;
    struct order order;
    child_open(&own, false, from);
    child_confine();
    hear(CHILD_LINE, &head, sizeof head);
    uint8_t *message = malloc(head.length);
    if (!message) _exit(125);
    hear(CHILD_LINE, message, head.length);
    order_parse(&order, message, head.length);
    struct config config = {.uid = head.uid, .gid = head.gid, .processes = head.processes};
    child_run(&order, &config);
}

void spare_prepare(void)
{
    static const struct order plain;
    int pair[2];
    if (!channels_open(&own, &plain, 0) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) fault("spare process: %m");
    spare = limits_fork();
    if (spare == 0) wait_for_order(pair[1]);
    if (spare < 0) fault("spare process: %m");
    close(pair[1]);
    channels_close(&own, 1);
    line = pair[0];
}

bool spare_take(const struct order *order, const uint8_t *message, size_t length, const struct config *config,
                struct channels *channels, pid_t *pid)
{
    if (spare < 0 || order->tty || order->root) return false;
    struct head head = {.length = length, .uid = config->uid, .gid = config->gid, .processes = config->processes};
    bool told = tell(&head, sizeof head) && tell(message, length);
    close(line);
    *pid = spare;
    *channels = own;
    spare = -1;
    if (!told) channels_close(&own, 0);
    return told;
}
