/*
 * Accepted connections become streams. Invariant: never more than CONNECTION_MAX; while there are, new ones wait in the
 * kernel's queue.
 */
#define _GNU_SOURCE
#include "tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fault.h"
#include "loop.h"
#include "mux.h"
#include "protocol.h"
#include "stream.h"

/* Less than STREAM_MAX, so that the host's own streams always find room. */
#define CONNECTION_MAX 3072

static struct source listeners[3] = {{.fd = -1}, {.fd = -1}, {.fd = -1}};
static unsigned connections;

static void watch_listeners(uint32_t events)
{
    for (size_t i = 0; i < sizeof listeners / sizeof *listeners; i++) loop_watch(&listeners[i], events);
}

static void connection_finished(struct stream *stream)
{
    (void)stream;
    if (connections-- == CONNECTION_MAX) watch_listeners(EPOLLIN);
}

static void add_connection(uint32_t id, int fd)
{
    if (++connections == CONNECTION_MAX) watch_listeners(0);
    stream_open(id, STREAM_SOCKET, fd, connection_finished, NULL);
}

static void accept_tcp(struct source *source, uint32_t events)
{
    (void)events;
    int one = 1;
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct sockaddr_storage where;
    socklen_t length = sizeof where;
    if (getsockname(fd, (struct sockaddr *)&where, &length) < 0) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    uint8_t payload[20] = {0};
    if (where.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&where;
        payload[0] = 4;
        put_u16(payload + 2, ntohs(v4->sin_port));
        memcpy(payload + 4, &v4->sin_addr, 4);
    } else {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&where;
        payload[0] = 6;
        put_u16(payload + 2, ntohs(v6->sin6_port));
        memcpy(payload + 4, &v6->sin6_addr, 16);
    }
    uint32_t id = stream_next_id();
    mux_send(id, TYPE_OPEN_TCP, payload, sizeof payload);
    add_connection(id, fd);
}

static void accept_session(struct source *source, uint32_t events)
{
    (void)events;
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct ucred peer = {0};
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
        close(fd);
        return;
    }
    uint8_t payload[8];
    put_u32(payload, (uint32_t)peer.pid);
    put_u32(payload + 4, peer.uid);
    uint32_t id = stream_next_id();
    mux_send(id, TYPE_OPEN_SESSION, payload, sizeof payload);
    add_connection(id, fd);
}

void tcp_accept(int listener4, int listener6)
{
    listeners[0] = (struct source){.fd = listener4, .ready = accept_tcp};
    listeners[1] = (struct source){.fd = listener6, .ready = accept_tcp};
    loop_watch(&listeners[0], EPOLLIN);
    loop_watch(&listeners[1], EPOLLIN);
}

void session_listen(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, path, sizeof address.sun_path - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0) fault("session socket: %m");
    if (chmod(path, 0666) < 0) fault("session socket: %m");
    listeners[2] = (struct source){.fd = fd, .ready = accept_session};
    loop_watch(&listeners[2], EPOLLIN);
}
