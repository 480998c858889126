/*
 * Questions over UDP and TCP on 127.0.0.53:53. Invariants: at most OUTSTANDING questions wait for the host, the oldest gives
 * way; at most CLIENTS TCP connections; an answer goes only to who asked.
 */
#define _GNU_SOURCE
#include "dns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fault.h"
#include "loop.h"
#include "protocol.h"

#define OUTSTANDING 512
#define CLIENTS 64
#define CLIENT_OUT 65536

struct client {
    struct source source;
    size_t in_length, out_length;
    uint8_t in[2 + DNS_MAX];
    uint8_t out[CLIENT_OUT];
};

struct question {
    uint32_t id; /* 0: free */
    struct client *client; /* NULL: came by UDP from `from` */
    struct sockaddr_in from;
};

static struct question questions[OUTSTANDING];
static uint32_t last_id;
static struct source udp = {.fd = -1}, tcp = {.fd = -1};
static unsigned clients;

/* Ids run through the table in order, so that the slot of a new question holds the oldest one. */
static void ask(struct client *client, const struct sockaddr_in *from, const uint8_t *bytes, size_t length)
{
    uint8_t payload[4 + DNS_MAX];
    if (++last_id == 0) last_id = 1;
    struct question *question = &questions[last_id % OUTSTANDING];
    *question = (struct question){.id = last_id, .client = client};
    if (from) question->from = *from;
    put_u32(payload, last_id);
    memcpy(payload + 4, bytes, length);
    mux_send(0, TYPE_DNS_QUERY, payload, 4 + length);
}

static void udp_ready(struct source *source, uint32_t events)
{
    (void)events;
    static uint8_t bytes[DNS_MAX + 1];
    struct sockaddr_in from;
    socklen_t from_length = sizeof from;
    ssize_t length = recvfrom(source->fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_length);
    if (length <= 0 || length > DNS_MAX) return;
    ask(NULL, &from, bytes, (size_t)length);
}

static void close_client(struct client *client)
{
    for (size_t i = 0; i < OUTSTANDING; i++) {
        if (questions[i].client == client) questions[i].id = 0;
    }
    loop_close(&client->source);
    loop_free(client);
    if (clients-- == CLIENTS) loop_watch(&tcp, EPOLLIN);
}

/* Writes what is waiting; false when the client is gone. */
static bool write_client(struct client *client)
{
    while (client->out_length > 0) {
        ssize_t count = send(client->source.fd, client->out, client->out_length, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && errno == EAGAIN) break;
        if (count <= 0) {
            close_client(client);
            return false;
        }
        client->out_length -= (size_t)count;
        memmove(client->out, client->out + count, client->out_length);
    }
    loop_watch(&client->source, EPOLLIN | (client->out_length > 0 ? (uint32_t)EPOLLOUT : 0));
    return true;
}

/* Passes on the questions that are complete; false when the client said something else. */
static bool take_questions(struct client *client)
{
    size_t start = 0;
    while (client->in_length - start >= 2) {
        size_t length = (size_t)client->in[start] << 8 | client->in[start + 1];
        if (length == 0 || length > DNS_MAX) return false;
        if (client->in_length - start < 2 + length) break;
        ask(client, NULL, client->in + start + 2, length);
        start += 2 + length;
    }
    client->in_length -= start;
    memmove(client->in, client->in + start, client->in_length);
    return true;
}

static void client_ready(struct source *source, uint32_t events)
{
    struct client *client = (struct client *)source;
    if ((events & EPOLLOUT) && !write_client(client)) return;
    if (!(events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return;
    ssize_t count = read(source->fd, client->in + client->in_length, sizeof client->in - client->in_length);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (count <= 0) {
        close_client(client);
        return;
    }
    client->in_length += (size_t)count;
    if (!take_questions(client)) close_client(client);
}

static void tcp_ready(struct source *source, uint32_t events)
{
    (void)events;
    int fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct client *client = calloc(1, sizeof *client);
    if (!client) fault("out of memory");
    client->source = (struct source){.fd = fd, .ready = client_ready};
    loop_watch(&client->source, EPOLLIN);
    if (++clients == CLIENTS) loop_watch(&tcp, 0);
}

void dns_reply(const struct frame *frame)
{
    if (frame->length < 4) fault("mux: bad DNS reply");
    uint32_t id = get_u32(frame->payload);
    const uint8_t *answer = frame->payload + 4;
    size_t length = frame->length - 4;
    struct question *question = &questions[id % OUTSTANDING];
    if (id == 0 || question->id != id) return; /* given up long ago */
    question->id = 0;
    if (length == 0 || length > UINT16_MAX) return;
    if (!question->client) {
        sendto(udp.fd, answer, length, MSG_DONTWAIT, (struct sockaddr *)&question->from, sizeof question->from);
        return;
    }
    struct client *client = question->client;
    if (client->out_length + 2 + length > CLIENT_OUT) {
        close_client(client); /* asks and does not read */
        return;
    }
    uint8_t *out = client->out + client->out_length;
    out[0] = (uint8_t)(length >> 8);
    out[1] = (uint8_t)length;
    memcpy(out + 2, answer, length);
    client->out_length += 2 + length;
    write_client(client);
}

void dns_open(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = inet_addr(DNS_ADDRESS)};
    int one = 1;
    udp.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp.fd < 0 || bind(udp.fd, (struct sockaddr *)&address, sizeof address) < 0) fault("DNS over UDP: %m");
    tcp.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (tcp.fd < 0) fault("DNS over TCP: %m");
    setsockopt(tcp.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(tcp.fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(tcp.fd, 64) < 0) fault("DNS over TCP: %m");
    udp.ready = udp_ready;
    tcp.ready = tcp_ready;
    loop_watch(&udp, EPOLLIN);
    loop_watch(&tcp, EPOLLIN);
}
