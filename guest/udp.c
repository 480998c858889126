/*
 * Flows of datagrams. The first datagram of a flow comes out of a shared socket; the flow then has a socket of its own, bound
 * to the address that was meant and connected to who sent it, so that the kernel keeps the two ends apart from here on.
 * Invariant: never more than FLOW_MAX; beyond, datagrams are lost, as datagrams may be.
 */
#define _GNU_SOURCE
#include "udp.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "loop.h"
#include "mux.h"
#include "net.h"
#include "protocol.h"
#include "stream.h"

#define FLOW_MAX 512

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static struct source sockets[2] = {{.fd = -1}, {.fd = -1}};
static unsigned flows;

static void flow_finished(struct stream *stream)
{
    (void)stream;
    flows--;
}

static socklen_t size_of(const union address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

/* A socket between the two ends; -1 when the kernel has none. */
static int connect_ends(const union address *here, const union address *there)
{
    int one = 1;
    int fd = socket(here->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    /* Every address is local by its route; IPv6 asks for more than a route. */
    if (here->any.sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one);
    if (bind(fd, &here->any, size_of(here)) == 0 && connect(fd, &there->any, size_of(there)) == 0) return fd;
    close(fd);
    return -1;
}

/* Where a datagram was sent to; false when the kernel does not say. */
static bool find_meant(struct msghdr *message, union address *meant)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
        bool is_v4 = part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_ORIGDSTADDR;
        bool is_v6 = part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_ORIGDSTADDR;
        if (!is_v4 && !is_v6) continue;
        memcpy(meant, CMSG_DATA(part), is_v4 ? sizeof meant->v4 : sizeof meant->v6);
        return true;
    }
    return false;
}

static void announce(uint32_t id, const union address *meant)
{
    uint8_t payload[20] = {0};
    bool is_v4 = meant->any.sa_family == AF_INET;
    payload[0] = is_v4 ? 4 : 6;
    put_u16(payload + 2, ntohs(is_v4 ? meant->v4.sin_port : meant->v6.sin6_port));
    if (is_v4) memcpy(payload + 4, &meant->v4.sin_addr, 4);
    else memcpy(payload + 4, &meant->v6.sin6_addr, 16);
    mux_send(id, TYPE_OPEN_UDP, payload, sizeof payload);
}

static void take_datagram(struct source *source, uint32_t events)
{
    (void)events;
    static uint8_t framed[2 + UINT16_MAX];
    union address sender = {0}, meant = {0};
    uint8_t control[128];
    struct iovec bytes = {.iov_base = framed + 2, .iov_len = UINT16_MAX};
    struct msghdr message = {
        .msg_name = &sender,
        .msg_namelen = sizeof sender,
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof control,
    };
    ssize_t length = recvmsg(source->fd, &message, 0);
    if (length < 0 || flows == FLOW_MAX || !find_meant(&message, &meant)) return;
    int fd = connect_ends(&meant, &sender);
    if (fd < 0) return;
    uint32_t id = stream_next_id();
    announce(id, &meant);
    flows++;
    struct stream *stream = stream_open(id, STREAM_DATAGRAMS, fd, flow_finished, NULL);
    stream_send_datagram(stream, framed, (size_t)length);
}

void udp_accept(int socket4, int socket6)
{
    int one = 1;
    if (setsockopt(socket4, IPPROTO_IP, IP_RECVORIGDSTADDR, &one, sizeof one) < 0) fault("datagrams: %m");
    if (setsockopt(socket6, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, &one, sizeof one) < 0) fault("datagrams: %m");
    sockets[0] = (struct source){.fd = socket4, .ready = take_datagram};
    sockets[1] = (struct source){.fd = socket6, .ready = take_datagram};
    loop_watch(&sockets[0], EPOLLIN);
    loop_watch(&sockets[1], EPOLLIN);
}

void udp_open_ports(const struct config *config)
{
    for (unsigned i = 0; i < config->datagram_port_count; i++) net_open_port(get_u16(config->datagram_ports + 2 * i));
}
